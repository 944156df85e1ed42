"""A page in a browser tab: its text, keyboard input, the clipboard, and the requests that it makes."""

import asyncio
import json
from typing import Any, Self

from world.browser import Chromium
from world.devtools import DevToolsError, Event

VIRTUAL = {"Enter": 13, "Escape": 27, "PageUp": 33, "PageDown": 34, "End": 35, "Home": 36}
VIRTUAL |= {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Tab": 9}
SHIFT = 8
POLL_SECONDS = 0.02
MOVED = "Inspected target navigated or closed"
"""The browser's error if a page is replaced before a command has been answered."""


class Tab:
    """A tab. `requests` has all requested addresses, `complaints` all exceptions, console messages and dialogs."""

    _session: str

    def __init__(self, browser: Chromium) -> None:
        self._browser = browser
        self._loaded: set[str] = set()
        self.requests: list[str] = []
        self.complaints: list[str] = []

    @classmethod
    async def open(cls, browser: Chromium, url: str, scheme: str = "light") -> Self:
        """Open the page at an address in a new tab, with this preferred colour scheme."""
        tab = cls(browser)
        tab._session = await browser.devtools.tab(tab._take)
        for domain in ("Page", "Runtime", "Network", "Log"):
            await tab._command(f"{domain}.enable")
        await tab._command("Page.setLifecycleEventsEnabled", enabled=True)
        prefers = [{"name": "prefers-color-scheme", "value": scheme}]
        await tab._command("Emulation.setEmulatedMedia", features=prefers)
        await tab._command("Emulation.setFocusEmulationEnabled", enabled=True)
        await tab.go(url)
        return tab

    async def go(self, url: str) -> None:
        """Load another page, or reload the same one."""
        # The empty page of a new tab is loaded too, perhaps only now.
        loading = (await self._command("Page.navigate", url=url))["loaderId"]
        async with asyncio.timeout(20):
            while loading not in self._loaded:
                await asyncio.sleep(POLL_SECONDS)

    async def zone(self, name: str) -> None:
        """Let the pages that are loaded from now on be in a time zone."""
        await self._command("Emulation.setTimezoneOverride", timezoneId=name)

    async def run(self, script: str) -> Any:
        """Run JavaScript in the page and return its (awaited) result. Raises DevToolsError if it throws."""
        done = await self._command("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if thrown := done.get("exceptionDetails"):
            raise DevToolsError(f"{script}: {thrown.get('exception', {}).get('description', thrown['text'])}")
        return done["result"].get("value")

    async def _run_if_there(self, script: str) -> Any:
        """Do the same as `run`, but return None while the page is being replaced."""
        try:
            return await self.run(script)
        except DevToolsError as error:
            if MOVED not in str(error):
                raise
            return None

    async def text(self, selector: str) -> str:
        """Return the visible text of an element, "" if there is none."""
        return await self._run_if_there(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''") or ""

    async def until(self, script: str) -> None:
        """Wait until the result of JavaScript in the page is true."""
        async with asyncio.timeout(20):
            while not await self._run_if_there(script):
                await asyncio.sleep(POLL_SECONDS)

    async def shows(self, selector: str, wanted: str) -> None:
        """Wait until the visible text of an element contains this text."""
        try:
            async with asyncio.timeout(20):
                while wanted not in (now := await self.text(selector)):
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise TimeoutError(f"{selector} does not show {wanted!r} but {now!r}") from None

    async def press(self, *keys: str) -> None:
        """Press keys one after the other. Each is a name or a single character."""
        for key in keys:
            text = {"text": "\r" if key == "Enter" else key} if len(key) == 1 or key == "Enter" else {}
            known = {"windowsVirtualKeyCode": VIRTUAL[key]} if key in VIRTUAL else {}
            modifiers = SHIFT if len(key) == 1 and key.isupper() else 0
            for type in ("keyDown", "keyUp"):
                await self._command("Input.dispatchKeyEvent", type=type, key=key, modifiers=modifiers, **known, **text)

    async def click(self, selector: str) -> None:
        """Click an element. This may load another page."""
        await self._run_if_there(f"document.querySelector({json.dumps(selector)}).click()")

    async def clipboard(self) -> str:
        """Return the text on the clipboard."""
        profile = (await self._command("Target.getTargetInfo"))["targetInfo"]["browserContextId"]
        leave = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"], "browserContextId": profile}
        await self._browser.devtools.command("Browser.grantPermissions", **leave)
        return str(await self.run("navigator.clipboard.readText()"))

    async def _command(self, method: str, **parameters: Any) -> dict[str, Any]:
        return await self._browser.devtools.command(method, self._session, **parameters)

    def _take(self, method: str, event: Event) -> None:
        match method:
            case "Page.lifecycleEvent" if event["name"] == "load":
                self._loaded.add(event["loaderId"])
            case "Network.requestWillBeSent":
                self.requests.append(event["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(event["exceptionDetails"]))
            case "Runtime.consoleAPICalled":
                self.complaints.append(str(event["args"]))
            case "Log.entryAdded":
                self.complaints.append(event["entry"]["text"])
            case "Page.javascriptDialogOpening":
                self.complaints.append(f"dialog: {event['message']}")
