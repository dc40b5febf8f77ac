"""Plays a show with clients of other makers: python-osc and python-oscquery.

    play.py OSC_PORT OSCQUERY_PORT

Ends with 0 where everything that is asserted holds.
"""

import queue
import socket
import sys
import threading
import time

from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_server import BlockingOSCUDPServer
from pythonosc.udp_client import SimpleUDPClient
from pythonoscquery.osc_query_client import OSCQueryClient
from zeroconf import ServiceInfo

osc_port, http_port = int(sys.argv[1]), int(sys.argv[2])

# python-oscquery: the tree, an address, the host.
service = ServiceInfo(
    "_oscjson._tcp.local.",
    "latentloop._oscjson._tcp.local.",
    http_port,
    addresses=[socket.inet_aton("127.0.0.1")],
)
query = OSCQueryClient(service)
host = query.get_host_info()
assert "latentloop" in host.name, host.name
assert host.osc_port == osc_port, host.osc_port
root = query.query_node("/")
names = {node.full_path for node in root.contents}
assert {"/loop", "/keyframe", "/master", "/beat"} <= names, names
speed = query.query_node("/loop/speed")
assert speed.type and speed.description, str(speed)
assert query.query_node("/no/such/thing") is None

# python-osc: subscribe, set, step, a bundle, a trigger.
heard = queue.Queue()
dispatcher = Dispatcher()
dispatcher.set_default_handler(lambda address, *values: heard.put((address, values)))
server = BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = SimpleUDPClient("127.0.0.1", osc_port)


def wait_for(address, holds):
    deadline = time.monotonic() + 20
    last = None
    while time.monotonic() < deadline:
        try:
            found, values = heard.get(timeout=0.5)
        except queue.Empty:
            continue
        if found == address:
            last = values
            if holds(*values):
                return
    raise AssertionError(f"{address} is not heard as it should be, but {last}")


client.send_message("/subscribe", [server.server_address[1], "keep"])
wait_for("/loop/speed", lambda value: abs(value - 0.3) < 1e-6)
# Set from another socket, so that it is told.
other = SimpleUDPClient("127.0.0.1", osc_port)
other.send_message("/loop/glide", 0.0)
other.send_message("/loop/speed", 1.5)
other.send_message("/loop/speed", "+0.25")
other.send_message("/keyframe/3/jump", [])
bundle = OscBundleBuilder(time.time() + 0.5)
message = OscMessageBuilder("/master/fade")
message.add_arg(0.25)
bundle.add_content(message.build())
other.send(bundle.build())
wait_for("/loop/position", lambda value: 2.0 <= value < 4.5)
asker = SimpleUDPClient("127.0.0.1", osc_port)
asker.send_message("/loop/speed", "?")
answer = next(iter(asker.get_messages(10)))
assert answer.address == "/loop/speed", answer.address
assert abs(answer.params[0] - 1.75) < 1e-6, answer.params
begin = time.monotonic()
while True:
    asker.send_message("/master/fade", "?")
    value = next(iter(asker.get_messages(10))).params[0]
    if abs(value - 0.25) < 1e-6:
        break
    assert time.monotonic() - begin < 20, value
    time.sleep(0.05)
node = query.query_node("/master/fade")
assert abs(node.value[0] - 0.25) < 1e-6, node.value
client.send_message("/unsubscribe", [server.server_address[1]])
other.send_message("/show/quit", [])
