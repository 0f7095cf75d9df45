"""
An AWS account that is empty, for a test: python moto-server.py

Prints one line of JSON with its port. Ends when its standard input does.
"""

import json
import sys

from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(json.dumps({"port": server.get_host_and_port()[1]}), flush=True)
sys.stdin.read()
