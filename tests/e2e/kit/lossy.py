# SPDX-License-Identifier: Apache-2.0
"""A way to the database that loses the answer to one COMMIT, and then lets nobody through for a while."""
import socket
import threading


class LossyDatabase:
    """Listens at `path`. Once `after` has gone by, the next COMMIT of that connection is carried out and its answer
    lost; from then on connections are refused until `mend`."""

    def __init__(self, path, server, after):
        self.path, self.server, self.after = str(path), server, after
        self.lost = threading.Event()
        self._mended = False
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def mend(self):
        self._mended = True

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.lost.is_set() and not self._mended:
                client.close()
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        server = socket.socket(socket.AF_UNIX)
        server.connect(self.server)
        cut = threading.Event()
        threading.Thread(target=self._answers, args=(server, client, cut), daemon=True).start()
        seen = False
        try:
            while data := client.recv(1 << 16):
                seen = seen or self.after in data
                if seen and b"COMMIT" in data and not self.lost.is_set():
                    cut.set()
                    self.lost.set()
                server.sendall(data)
        except OSError:
            pass
        finally:
            if not cut.is_set():
                server.close()

    @staticmethod
    def _answers(server, client, cut):
        try:
            while data := server.recv(1 << 16):
                if cut.is_set():
                    break
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
