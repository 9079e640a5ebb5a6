"""The private RabbitMQ: one node with an epmd and an Erlang cookie of its own, all on 127.0.0.1.

The node is started by RabbitMQ's own script, past the distribution's wrapper, which would change
the user; `detached` makes that script become the Erlang machine instead of waiting for it, so that
signals reach the machine. epmd is our child: started by the node, it would outlive everything.
"""

import asyncio
import json
import os
import secrets
import signal
from pathlib import Path

import aio_pika
from aio_pika.exceptions import AMQPError

from devstack.errors import DevstackError, ServerStartError
from devstack.passwords import keep_password, write_private
from devstack.ports import PortBook
from devstack.private_server import NotReadyError, PrivateServer, find_reason
from devstack.processes import ChildProcess, Program, end_leftover
from devstack.rabbitmq_files import USER, render_definitions, render_rabbitmq_conf

_EPMD_SECONDS = 10.0


class RabbitMQ(PrivateServer):
    """One RabbitMQ node that boots with the topology in `definitions`.

    `binaries` is the folder that holds rabbitmq-server and rabbitmqctl; `epmd` is Erlang's port
    mapper; `shared_conf` is a rabbitmq.conf whose keys hold for every installation of ours.
    """

    name = "RabbitMQ"
    start_seconds = 120.0
    poll_seconds = 0.1

    def __init__(
        self,
        binaries: Path,
        epmd: Path,
        folder: Path,
        ports: PortBook,
        definitions: Path,
        shared_conf: Path | None = None,
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._binaries = binaries
        self._epmd_binary = epmd
        self._folder = folder
        self._definitions = definitions
        self._shared_conf = shared_conf
        self._password = keep_password(folder / "password")
        self._environment: dict[str, str] = {}
        self._epmd = ChildProcess(self._epmd_program(0))
        super().__init__(ChildProcess(self._node_program()), ports)

    @property
    def url(self) -> str:
        """The AMQP address of the vhost "/", with user and password."""
        return f"amqp://{USER}:{self._password}@127.0.0.1:{self.port}/%2F"

    async def stop(self) -> None:
        """Shut the node down cleanly, then its epmd; the data stay."""
        await super().stop()
        await self._epmd.stop()

    def kill(self) -> None:
        """Crash the node (SIGKILL); its epmd goes too."""
        super().kill()
        self._epmd.kill()

    async def control(self, *arguments: str) -> str:
        """Run rabbitmqctl against this node and return what it printed.

        Raises DevstackError when it fails.
        """
        child = await asyncio.create_subprocess_exec(
            str(self._binaries / "rabbitmqctl"),
            *arguments,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output = (await child.communicate())[0].decode(errors="replace")
        if child.returncode != 0:
            raise DevstackError(f"rabbitmqctl {' '.join(arguments)} failed: {output.strip()}")
        return output

    def _node_program(self) -> Program:
        return Program(
            argv=(str(self._binaries / "rabbitmq-server"),),
            environment=self._environment | {"detached": "1"},
            folder=self._folder,
            log=self._folder / "rabbitmq.log",
            record=self._folder / "process.json",
            stop_signal=signal.SIGTERM,
            stop_seconds=30.0,
        )

    def _epmd_program(self, port: int) -> Program:
        return Program(
            argv=(str(self._epmd_binary), "-address", "127.0.0.1", "-port", str(port)),
            environment={"PATH": os.defpath},
            folder=self._folder,
            log=self._folder / "epmd.log",
            record=self._folder / "epmd-process.json",
            stop_signal=signal.SIGTERM,
            stop_seconds=5.0,
        )

    async def _claim(self) -> None:
        await super()._claim()
        await end_leftover(self._epmd.record)
        epmd_port = self._ports.take("rabbitmq-epmd")
        distribution = self._ports.take("rabbitmq-distribution")
        self._environment = self._build_environment(epmd_port, distribution)
        self._epmd = ChildProcess(self._epmd_program(epmd_port))
        self._process = ChildProcess(self._node_program())

    def _build_environment(self, epmd_port: int, distribution_port: int) -> dict[str, str]:
        folder = self._folder
        # Erlang's distribution listens on all addresses unless told otherwise.
        local = "-kernel inet_dist_use_interface {127,0,0,1}"
        return {
            "PATH": f"{self._epmd_binary.parent}{os.pathsep}{os.defpath}",
            "HOME": str(folder),  # the Erlang cookie is kept there
            "LANG": "C.UTF-8",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(epmd_port),
            "ERL_CRASH_DUMP": str(folder / "erl_crash.dump"),
            "RABBITMQ_NODENAME": "notifications@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(distribution_port),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "logs"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "no-rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_FEATURE_FLAGS_FILE": str(folder / "feature_flags"),
            "RABBITMQ_PID_FILE": str(folder / "rabbitmq.pid"),
            # One scheduler is enough for a laptop, and starts faster than many.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"+S 1:1 {local}",
            "RABBITMQ_CTL_ERL_ARGS": local,
        }

    async def _prepare(self) -> None:
        try:
            merged = render_definitions(
                self._definitions.read_text(), self._password, secrets.token_bytes(4)
            )
        except (OSError, ValueError) as error:
            raise DevstackError(
                f"The queue definitions in {self._definitions} cannot be read: {error}; "
                "restore the file and start again."
            ) from error
        generated = self._folder / "definitions.json"
        write_private(generated, merged)
        shared = self._shared_conf.read_text() if self._shared_conf else ""
        write_private(self._folder / "rabbitmq.conf", render_rabbitmq_conf(generated, shared))
        (self._folder / "enabled_plugins").write_text("[].\n")
        if self._epmd.pid is None:
            self._epmd.start()
            await self._await_epmd()

    async def _await_epmd(self) -> None:
        port = int(self._environment["ERL_EPMD_PORT"])
        deadline = asyncio.get_running_loop().time() + _EPMD_SECONDS
        while not await _listens(port):
            if self._epmd.pid is None or asyncio.get_running_loop().time() > deadline:
                raise ServerStartError(
                    f"Erlang's port mapper did not start: {find_reason(self._epmd.log)} "
                    f"(its log is {self._epmd.log})."
                )
            await asyncio.sleep(self.poll_seconds)

    async def _probe(self) -> None:
        if not await _listens(self.port):  # asked first: aio-pika logs every refusal as an error
            raise NotReadyError("connection refused")
        topology = json.loads(self._definitions.read_text())
        try:
            async with await aio_pika.connect(self.url) as connection:
                channel = await connection.channel()
                for exchange in topology.get("exchanges", []):
                    await channel.get_exchange(exchange["name"], ensure=True)
                for queue in topology.get("queues", []):
                    await channel.get_queue(queue["name"], ensure=True)
        except (AMQPError, OSError) as error:
            raise NotReadyError(f"{type(error).__name__} {error}") from error


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
