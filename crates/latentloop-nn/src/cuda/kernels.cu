// The kernels of latentloop on NVIDIA cards. scripts/ptx.sh compiles them into kernels.ptx, which the program embeds.
//
// Maps are channels-major, [channels, pictures, height, width]. A convolution here is 4 x 4, stride 2, padding 1, between
// a fine map and a coarse one of half its side: a matrix product by the weights on one side, and on the other `columns`,
// [channels * 16, pictures * height * width] over the coarse positions, whose row 16 c + 4 ky + kx holds what tap (ky, kx)
// of channel c sees (im2col) or gives (col2im). Tap (ky, kx) at coarse (y, x) is fine (2 y + ky - 1, 2 x + kx - 1).
//
// Every number is written by one thread and every sum taken in a fixed order: the same input gives the same bits. Whoever
// launches sees to it that the threads of a flat launch number fewer than 2^31.

#include <cuda_fp16.h>

namespace {

__device__ __forceinline__ float load(const float *from) { return *from; }
__device__ __forceinline__ float load(const __half *from) { return __half2float(*from); }
__device__ __forceinline__ void store(float *to, float value) { *to = value; }
__device__ __forceinline__ void store(__half *to, float value) { *to = __float2half_rn(value); }

// Two neighbours at once; `to` is aligned to the pair.
__device__ __forceinline__ void store_pair(float *to, float left, float right) {
    *reinterpret_cast<float2 *>(to) = make_float2(left, right);
}
__device__ __forceinline__ void store_pair(__half *to, float left, float right) {
    *reinterpret_cast<__half2 *>(to) = __floats2half2_rn(left, right);
}

__device__ __forceinline__ float leaky(float value, float slope) { return value > 0.0f ? value : value * slope; }

__device__ __forceinline__ unsigned flat_index() { return blockIdx.x * blockDim.x + threadIdx.x; }

// A coarse position of one channel.
struct Place {
    unsigned channel, picture, y, x;
    // pictures * height * width, and where in it the position stands.
    unsigned count, column;

    __device__ __forceinline__ Place(unsigned index, unsigned pictures, unsigned height, unsigned width) {
        count = pictures * height * width;
        channel = index / count;
        column = index % count;
        picture = column / (height * width);
        y = column / width % height;
        x = column % width;
    }
};

// The fine pixels (2 y, 2 x), (2 y, 2 x + 1), (2 y + 1, 2 x) and (2 y + 1, 2 x + 1), each the sum of the four taps that reach
// it. `columns` points at the channel's sixteen rows.
template <typename T>
__device__ __forceinline__ float4 gather(const T *columns, const Place &at, unsigned height, unsigned width) {
    auto tap = [&](int ky, int kx, int down, int right) -> float {
        // What lies above or left of the map wraps round to a large number.
        if (at.y + unsigned(down) >= height || at.x + unsigned(right) >= width) return 0.0f;
        long long row = 4 * ky + kx;
        return load(columns + row * at.count + at.column + down * (long long)width + right);
    };
    return make_float4(tap(1, 1, 0, 0) + tap(1, 3, 0, -1) + tap(3, 1, -1, 0) + tap(3, 3, -1, -1),
                       tap(1, 0, 0, 1) + tap(1, 2, 0, 0) + tap(3, 0, -1, 1) + tap(3, 2, -1, 0),
                       tap(0, 1, 1, 0) + tap(0, 3, 1, -1) + tap(2, 1, 0, 0) + tap(2, 3, 0, -1),
                       tap(0, 0, 1, 1) + tap(0, 2, 1, 0) + tap(2, 0, 0, 1) + tap(2, 2, 0, 0));
}

// Where pixel (2 y, 2 x) of a position stands in a fine map whose planes are numbered `plane`.
__device__ __forceinline__ size_t fine_index(size_t plane, const Place &at, unsigned height, unsigned width) {
    return ((plane * 2 * height + 2 * at.y) * 2 * size_t(width)) + 2 * at.x;
}

__device__ __forceinline__ float2 warp_sum(float2 value) {
    for (int step = 16; step > 0; step /= 2) {
        value.x += __shfl_xor_sync(0xffffffffu, value.x, step);
        value.y += __shfl_xor_sync(0xffffffffu, value.y, step);
    }
    return value;
}

// Two sums over the block, in every thread. The block is whole warps.
__device__ float2 block_sum(float2 value) {
    __shared__ float2 parts[32];
    unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    value = warp_sum(value);
    // Nobody still reads the parts of an earlier sum.
    __syncthreads();
    if (lane == 0) parts[warp] = value;
    __syncthreads();
    return warp_sum(lane < blockDim.x / 32 ? parts[lane] : make_float2(0.0f, 0.0f));
}

// Mean and biased variance of a row, in every thread. The sums are taken around the row's first number, so that a mean far
// from zero costs no digits.
template <typename T>
__device__ __forceinline__ float2 moments(const T *row, unsigned count) {
    float origin = load(row);
    float2 sums = make_float2(0.0f, 0.0f);
#pragma unroll 4
    for (unsigned i = threadIdx.x; i < count; i += blockDim.x) {
        float value = load(row + i) - origin;
        sums.x += value;
        sums.y += value * value;
    }
    sums = block_sum(sums);
    float mean = sums.x / float(count);
    return make_float2(origin + mean, fmaxf(sums.y / float(count) - mean * mean, 0.0f));
}

// Batch norm over one row, then leaky ReLU; `to` may be `from`. Returns the moments.
template <typename T>
__device__ __forceinline__ float2 normalise(const T *from, T *to, float weight, float bias, float eps, float slope,
                                            unsigned count) {
    float2 seen = moments(from, count);
    float scale = weight / sqrtf(seen.y + eps);
    float shift = bias - seen.x * scale;
#pragma unroll 4
    for (unsigned i = threadIdx.x; i < count; i += blockDim.x) store(to + i, leaky(load(from + i) * scale + shift, slope));
    return seen;
}

__device__ __forceinline__ unsigned char level(float value, unsigned cut) {
    float level = (value + 1.0f) / 2.0f * 255.0f + (cut ? 0.0f : 0.5f);
    return (unsigned char)fminf(fmaxf(level, 0.0f), 255.0f);
}

} // namespace

// ---- Playing -------------------------------------------------------------------------------------------------------

// Linear stem, one warp a unit (x) and row of latents (y): `map`, [channels, rows, area], gets
// leaky((weight z + bias) * affine.x + affine.y), affine being the channel's.
extern "C" __global__ void __launch_bounds__(256)
    stem_f16(const __half *weight, const float *bias, const float2 *affine, const float *z, __half *map, float slope,
             unsigned units, unsigned latent, unsigned rows, unsigned area) {
    unsigned unit = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, lane = threadIdx.x % 32, row = blockIdx.y;
    if (unit >= units) return;
    float sum = 0.0f;
    for (unsigned i = lane; i < latent; i += 32)
        sum += load(weight + size_t(unit) * latent + i) * z[size_t(row) * latent + i];
    sum = warp_sum(make_float2(sum, 0.0f)).x;
    if (lane != 0) return;
    unsigned channel = unit / area, place = unit % area;
    float2 by = affine[channel];
    store(map + (size_t(channel) * rows + row) * area + place, leaky((sum + bias[unit]) * by.x + by.y, slope));
}

// Columns to a fine map, then leaky(v * affine.x + affine.y): bias and the next layer's folded batch norm in one. A thread a
// coarse position and channel.
extern "C" __global__ void __launch_bounds__(256)
    col2im_f16(const __half *columns, const float2 *affine, __half *fine, float slope, unsigned channels,
               unsigned pictures, unsigned height, unsigned width) {
    unsigned index = flat_index();
    if (index >= channels * pictures * height * width) return;
    Place at(index, pictures, height, width);
    float4 sums = gather(columns + size_t(at.channel) * 16 * at.count, at, height, width);
    float2 by = affine[at.channel];
    __half *to = fine + fine_index(size_t(at.channel) * pictures + at.picture, at, height, width);
    store_pair(to, leaky(sums.x * by.x + by.y, slope), leaky(sums.y * by.x + by.y, slope));
    store_pair(to + 2 * width, leaky(sums.z * by.x + by.y, slope), leaky(sums.w * by.x + by.y, slope));
}

// Batch norm over the statistics of the map itself, [channels, count], then leaky ReLU, in place. A block a channel.
extern "C" __global__ void __launch_bounds__(1024)
    batch_norm_f16(__half *map, const float *weight, const float *bias, float eps, float slope, unsigned count) {
    unsigned channel = blockIdx.x;
    __half *row = map + size_t(channel) * count;
    normalise(row, row, weight[channel], bias[channel], eps, slope, count);
}

// Columns of the three colours of one picture, [48, height * width], to tanh and RGBA bytes, 2 height x 2 width x 4; `cut` cuts
// down to a level instead of rounding. A thread a coarse position.
extern "C" __global__ void __launch_bounds__(256)
    picture_rgba(const __half *columns, const float *bias, uchar4 *rgba, unsigned cut, unsigned height, unsigned width) {
    unsigned index = flat_index();
    if (index >= height * width) return;
    Place at(index, 1, height, width);
    unsigned char pixels[4][3];
#pragma unroll
    for (int channel = 0; channel < 3; channel++) {
        float4 sums = gather(columns + size_t(channel) * 16 * at.count, at, height, width);
        pixels[0][channel] = level(tanhf(sums.x + bias[channel]), cut);
        pixels[1][channel] = level(tanhf(sums.y + bias[channel]), cut);
        pixels[2][channel] = level(tanhf(sums.z + bias[channel]), cut);
        pixels[3][channel] = level(tanhf(sums.w + bias[channel]), cut);
    }
#pragma unroll
    for (int pixel = 0; pixel < 4; pixel++) {
        size_t to = fine_index(0, at, height, width) + (pixel / 2) * 2 * size_t(width) + pixel % 2;
        rgba[to] = make_uchar4(pixels[pixel][0], pixels[pixel][1], pixels[pixel][2], 255);
    }
}

// Columns of the three colours, [48, pictures * height * width], to tanh: `planes` is [pictures, 3, 2 height, 2 width]. A thread
// a coarse position and colour.
extern "C" __global__ void __launch_bounds__(256)
    picture_planes(const __half *columns, const float *bias, float *planes, unsigned pictures, unsigned height,
                   unsigned width) {
    unsigned index = flat_index();
    if (index >= 3 * pictures * height * width) return;
    Place at(index, pictures, height, width);
    float4 sums = gather(columns + size_t(at.channel) * 16 * at.count, at, height, width);
    float shift = bias[at.channel];
    float *to = planes + fine_index(size_t(at.picture) * 3 + at.channel, at, height, width);
    store_pair(to, tanhf(sums.x + shift), tanhf(sums.y + shift));
    store_pair(to + 2 * width, tanhf(sums.z + shift), tanhf(sums.w + shift));
}

// ---- Training ------------------------------------------------------------------------------------------------------

// A fine map to columns. A thread a coarse position and channel.
extern "C" __global__ void __launch_bounds__(256)
    im2col_f32(const float *fine, float *columns, unsigned channels, unsigned pictures, unsigned height,
               unsigned width) {
    unsigned index = flat_index();
    if (index >= channels * pictures * height * width) return;
    Place at(index, pictures, height, width);
    const float *from = fine + (size_t(at.channel) * pictures + at.picture) * 4 * height * width;
    float *to = columns + size_t(at.channel) * 16 * at.count + at.column;
#pragma unroll
    for (int ky = 0; ky < 4; ky++) {
#pragma unroll
        for (int kx = 0; kx < 4; kx++) {
            // Minus one wraps round to a large number.
            unsigned y = 2 * at.y + ky - 1, x = 2 * at.x + kx - 1;
            bool inside = y < 2 * height && x < 2 * width;
            to[size_t(4 * ky + kx) * at.count] = inside ? from[size_t(y) * 2 * width + x] : 0.0f;
        }
    }
}

// Columns to a fine map, plus the channel's bias where there is one. A thread a coarse position and channel.
extern "C" __global__ void __launch_bounds__(256)
    col2im_f32(const float *columns, const float *bias, float *fine, unsigned channels, unsigned pictures,
               unsigned height, unsigned width) {
    unsigned index = flat_index();
    if (index >= channels * pictures * height * width) return;
    Place at(index, pictures, height, width);
    float4 sums = gather(columns + size_t(at.channel) * 16 * at.count, at, height, width);
    float shift = bias ? bias[at.channel] : 0.0f;
    float *to = fine + fine_index(size_t(at.channel) * pictures + at.picture, at, height, width);
    store_pair(to, sums.x + shift, sums.y + shift);
    store_pair(to + 2 * width, sums.z + shift, sums.w + shift);
}

// Adds its bias to every channel of a map, [channels, count], in place. A thread a number.
extern "C" __global__ void __launch_bounds__(256)
    add_bias_f32(float *map, const float *bias, unsigned channels, unsigned count) {
    unsigned index = flat_index();
    if (index < channels * count) map[index] += bias[index / count];
}

// The sum of every channel of a map, [channels, count]. A block a channel.
extern "C" __global__ void __launch_bounds__(1024) channel_sums_f32(const float *map, float *sums, unsigned count) {
    const float *row = map + size_t(blockIdx.x) * count;
    float sum = 0.0f;
#pragma unroll 4
    for (unsigned i = threadIdx.x; i < count; i += blockDim.x) sum += row[i];
    sum = block_sum(make_float2(sum, 0.0f)).x;
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// Batch norm of x, [channels, count], then leaky ReLU; `statistics` gets a mean a channel, then a variance a channel. A block
// a channel.
extern "C" __global__ void __launch_bounds__(1024)
    batch_norm_leaky_f32(const float *x, const float *weight, const float *bias, float *y, float *statistics, float eps,
                         float slope, unsigned count) {
    unsigned channel = blockIdx.x;
    size_t start = size_t(channel) * count;
    float2 seen = normalise(x + start, y + start, weight[channel], bias[channel], eps, slope, count);
    if (threadIdx.x == 0) {
        statistics[channel] = seen.x;
        statistics[gridDim.x + channel] = seen.y;
    }
}

// The backward pass of the above: `dx`, and in `parameters` the gradient of a weight a channel, then of a bias a channel. The
// slope is positive, so y has the sign of what went into the activation. A block a channel.
extern "C" __global__ void __launch_bounds__(1024)
    batch_norm_leaky_backward_f32(const float *x, const float *y, const float *dy, const float *weight,
                                  const float *statistics, float *dx, float *parameters, float eps, float slope,
                                  unsigned count) {
    unsigned channel = blockIdx.x;
    size_t start = size_t(channel) * count;
    float mean = statistics[channel], inverse = 1.0f / sqrtf(statistics[gridDim.x + channel] + eps);
    // Sums of the gradient by the normalised input, and of the gradient.
    float2 sums = make_float2(0.0f, 0.0f);
#pragma unroll 4
    for (unsigned i = threadIdx.x; i < count; i += blockDim.x) {
        float gradient = y[start + i] > 0.0f ? dy[start + i] : dy[start + i] * slope;
        sums.x += gradient * ((x[start + i] - mean) * inverse);
        sums.y += gradient;
    }
    sums = block_sum(sums);
    if (threadIdx.x == 0) {
        parameters[channel] = sums.x;
        parameters[gridDim.x + channel] = sums.y;
    }
    float scale = weight[channel] * inverse, by_weight = sums.x / float(count), by_bias = sums.y / float(count);
#pragma unroll 4
    for (unsigned i = threadIdx.x; i < count; i += blockDim.x) {
        float gradient = y[start + i] > 0.0f ? dy[start + i] : dy[start + i] * slope;
        dx[start + i] = scale * (gradient - by_bias - (x[start + i] - mean) * inverse * by_weight);
    }
}

// Leaky ReLU. A thread a number.
extern "C" __global__ void __launch_bounds__(256) leaky_f32(const float *x, float *y, float slope, unsigned count) {
    unsigned index = flat_index();
    if (index < count) y[index] = leaky(x[index], slope);
}

// Its backward pass. A thread a number.
extern "C" __global__ void __launch_bounds__(256)
    leaky_backward_f32(const float *y, const float *dy, float *dx, float slope, unsigned count) {
    unsigned index = flat_index();
    if (index < count) dx[index] = y[index] > 0.0f ? dy[index] : dy[index] * slope;
}

// A step of Adam, in place; `root` is sqrt(1 - beta2^step), `rate` the learning rate by 1 - beta1^step. A thread a number.
extern "C" __global__ void __launch_bounds__(256)
    adam_f32(float *parameter, float *first, float *second, const float *gradient, float rate, float beta1, float beta2,
             float root, float eps, unsigned count) {
    unsigned index = flat_index();
    if (index >= count) return;
    float g = gradient[index];
    float m = beta1 * first[index] + (1.0f - beta1) * g;
    float v = beta2 * second[index] + (1.0f - beta2) * g * g;
    first[index] = m;
    second[index] = v;
    parameter[index] -= rate * (m / (sqrtf(v) / root + eps));
}
