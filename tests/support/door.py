"""A TCP port in front of a server that can be shut, left open or fall silent."""
import socket
import threading

from ports import free_port


class Door:
    """SHUT: connections are refused, and those there were are reset. OPEN: they reach
    the server. SILENT: they are taken, and not a byte passes, neither on new ones
    nor on those there were."""

    SHUT, OPEN, SILENT = "shut", "open", "silent"

    def __init__(self, server_port, state):
        self.server_port, self.port = server_port, free_port()
        self.state, self.listener, self.sockets = self.SHUT, None, []
        self.turn(state)

    def turn(self, state):
        self.state = state
        if state == self.SHUT:
            self._shut()
        elif self.listener is None:
            self.listener = socket.create_server(("127.0.0.1", self.port))
            threading.Thread(target=self._serve, args=(self.listener,), daemon=True).start()

    def _shut(self):
        sockets, self.sockets = self.sockets, []
        if self.listener is not None:
            sockets.append(self.listener)
            self.listener = None
        for s in sockets:
            try:
                s.shutdown(socket.SHUT_RDWR)  # close() would not wake who waits for it
            except OSError:
                pass
            s.close()

    def _serve(self, listener):
        while True:
            try:
                client = listener.accept()[0]
            except OSError:
                return
            self.sockets.append(client)
            if self.state == self.SILENT:
                continue
            server = socket.create_connection(("127.0.0.1", self.server_port))
            self.sockets.append(server)
            for pair in ((client, server), (server, client)):
                threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source, sink):
        try:
            while data := source.recv(65536):
                if self.state == self.OPEN:
                    sink.sendall(data)
        except OSError:
            pass
        if self.state != self.SILENT:
            source.close()
            sink.close()
