"""The sentences in a new configuration, and the lines for the servers around the gateway.

The lines are templates of `str.format`.
"""

from typing import Final

CONFIGURATION: Final = (
    "The configuration of Fargo. An option with # before it has its default, or an example if it has none. "
    "fargo.toml(5) lists all options, and docs/configuration.md explains them; “fargo check” reports all mistakes."
)
A_VALUE: Final = "…"

PROSODY: Final = """\
-- In the global section, so that calls are set up faster:
network_settings = {{ nagle = false }}
{listen}{ports}
-- At the end:
Component "{domain}"
    component_secret = "{secret}"\
"""
PROSODY_INTERFACES: Final = 'component_interfaces = { "*" }\n'
PROSODY_PORTS: Final = "component_ports = {{ {port} }}\n"

EJABBERD: Final = """\
listen:
  -
    port: {port}
    ip: "{address}"
    module: ejabberd_service
    hosts:
      "{domain}":
        password: "{secret}"\
"""

RTPENGINE: Final = """\
[rtpengine]
table = -1
interface = {interface}
listen-ng = {listen}
port-min = {first}
port-max = {last}
timeout = 3600
log-level = 6"""

LET_IN: Final = "{command} -A INPUT -p {protocol} -d {address} --dport {ports} -j ACCEPT"
