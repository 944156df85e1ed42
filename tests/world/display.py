"""A virtual display (Xvfb), for clients that show something."""

from .ports import free_display
from .process import Process, Server


class Display(Server):
    """A display of this width and height in pixels; ready when clients can connect to it. `name` is for DISPLAY."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__()
        self.size = width, height
        self.name = f":{free_display()}"

    async def start(self) -> None:
        screen = ("-screen", "0", "{}x{}x24".format(*self.size), "-noreset", "-nolisten", "tcp")
        self.process = await Process.start("Xvfb", "Xvfb", self.name, "-displayfd", "1", *screen)
        await self.process.line(rf"^{self.name[1:]}$")
