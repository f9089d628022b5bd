"""An SMTP server (aiosmtpd) that keeps what it gets, and refuses on demand."""
import asyncio
import email
import email.policy
import ssl
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from ports import free_port


class MailSink:
    """Listens on a port of its own, the same again after stop and start.
    tls: the certificate and key, for "smtps" or "starttls" with the login
    "waybill", "secret"; both refuse mails without them."""

    def __init__(self, tls=None, how=None):
        self.tls, self.how = tls, how
        self.port = free_port()
        self.lock = threading.Lock()
        self.mails = []      # (the message parsed, the bytes as they came)
        self.ids = {}        # Message-ID: [the messages parsed]
        self.tries = []      # each recipient that was asked for
        self.refusals = {}   # address: [the answers to the next RCPTs of it]
        self.answers = []    # to the next contents, None = accept
        self.delay = 0       # seconds between a content and its answer
        self.waiting = 0     # contents that wait for their answer
        self.most_waiting = 0
        self.controller = None
        self.start()

    @property
    def url(self):
        return f"{'smtps' if self.how == 'smtps' else 'smtp'}://127.0.0.1:{self.port}"

    def _options(self):
        if not self.tls:
            return {}
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.tls)
        options = {"auth_required": True, "authenticator": self._authenticate}
        if self.how == "smtps":
            return {**options, "ssl_context": context, "auth_require_tls": False}
        return {**options, "tls_context": context, "require_starttls": True}

    @staticmethod
    def _authenticate(server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login, data.password) == (b"waybill", b"secret"))

    def start(self):
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, **self._options())
        self.controller.start()

    def stop(self):
        if self.controller:
            self.controller.stop()
        self.controller = None

    def to(self, address):
        """The messages to an address, in the order in which they came."""
        with self.lock:
            return [mail for mail, _ in self.mails if address in mail["To"]]

    def by_id(self, event_id):
        with self.lock:
            return list(self.ids.get(f"<{event_id}@waybill>", ()))

    # ---- called by aiosmtpd, in its thread

    async def handle_RCPT(self, server, session, envelope, address, options):
        with self.lock:
            self.tries.append(address)
            answers = self.refusals.get(address)
            if answers:
                return answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        with self.lock:
            answer = self.answers.pop(0) if self.answers else None
            if answer is None:
                self.mails.append((mail, envelope.original_content))
                self.ids.setdefault(mail["Message-ID"], []).append(mail)
        if self.delay:
            self.waiting += 1
            self.most_waiting = max(self.most_waiting, self.waiting)
            await asyncio.sleep(self.delay)
            self.waiting -= 1
        return answer or "250 taken on"
