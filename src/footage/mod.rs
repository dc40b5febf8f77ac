//! A clip becomes pictures: decoding, framing, the dataset folder with its manifest.
