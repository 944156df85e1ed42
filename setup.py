"""Packaging of Fargo; tool settings are in pyproject.toml."""

from setuptools import find_packages, setup

setup(
    name="fargo",
    version="0.1.0",
    description="A gateway between XMPP and SIP for calls and text messages, with a log that explains every call",
    author="The Fargo developers",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=find_packages(include=["fargo", "fargo.*", "replay", "replay.*"]),
    package_data={
        "fargo.edge.telepathy": ["*.cfg"],
        "fargo.edge.sip": ["*.cfg"],
        "fargo.adapters.xmpp": ["*.png"],
        "fargo.languages": ["*.po"],
        "replay.page": ["*.html", "*.css", "*.js"],
    },
    install_requires=[
        # rtpengine's NG protocol. Other bencode libraries reject dictionaries with unsorted keys.
        "bencode.py>=4,<5",
        "click>=8.1,<9",
        # The names in the TLS certificates of SIP servers.
        "cryptography>=38,<51",
        "dbus-python>=1.3,<2",
        # Dial rules: regular expressions in bounded time, whatever users write.
        "google-re2>=1.1.20240702,<2",
        # The addresses of this machine, to which no audio is sent.
        "ifaddr>=0.2,<1",
        "msgspec>=0.19,<1",
        # The metrics of a running gateway, in their format.
        # gettext's catalogues of sentences
        "polib>=1.2,<2",
        "prometheus-client>=0.20,<1",
        "pydantic>=2.7,<3",
        # Times as people write them.
        "python-dateutil>=2.8,<5",
        # 3.51 requires girepository-2.0, which Debian 12 does not have.
        "PyGObject>=3.42,<3.51",
        "sqlite-utils>=4,<5",
        "Twisted>=24.3,<27",
        # The last release. fargo.adapters.xmpp.wokkel_compat makes it work with current releases of Twisted.
        "wokkel==18.0.0",
    ],
    extras_require={
        # A log in PostgreSQL. libpq is in the package. Earlier versions wait for an answer without a limit.
        "postgresql": ["psycopg[binary]>=3.3.7,<4"],
        "test": [
            # The tests open the log with it. Version 1.0 changes its JSON format.
            "datasette>=0.64,<1",
            "hypothesis>=6.100,<7",
            "mypy>=1.11,<3",
            # A SIP phone. Each release is a build of another version of pjsip.
            "pjsua2-python==2.15.1.post1",
            # pytest-xdist 3.8 does not see the groups of tests (xdist_group) with later ones.
            "pytest>=8,<9.2",
            "pytest-asyncio>=0.24,<2",
            "pytest-xdist>=3.6,<4",
            "ruff>=0.6,<1",
            # The documentation as a site.
            "mkdocs-material>=9.5,<10",
            # An XMPP client that shares no code with the gateway.
            "slixmpp>=1.8.6,<2",
            # For Chromium's DevTools protocol.
            "websockets>=13,<17",
        ],
        # For script/mutate only.
        "mutation": ["mutmut>=3.8,<4"],
    },
    entry_points={"console_scripts": ["fargo = fargo.cli:main"]},
)
