#!/usr/bin/python3
"""What an attacker, a broken proxy or a fuzzer sends. Whatever it is, the answer is one
problem+json per request, nothing smuggled in is run, no order comes of it, and the
service goes on."""
import json
import random
import sys
import unittest

from peer import CUSTOMER, Target, exchange, get, order, post, split_answers, read_to_end

# Where the client and the service must agree that the attack ended: this one
# is answered if the connection lives on, and is the last.
SENTINEL = get("/sentinel", "Connection: close\r\n")
SMUGGLED = get("/smuggled")
HOST = b" HTTP/1.1\r\nHost: x\r\n"
GOOD = order().encode()

# (name, bytes, statuses that the first answer may have). Each line is answered
# once. CLOSES: what comes behind it on the connection is not looked at.
CLOSES, LIVES = False, True

FRAMING = [
    ("CL.TE", b"POST /orders" + HOST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG" + SMUGGLED,
     {400}, CLOSES),
    ("TE.CL", b"POST /orders" + HOST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" + SMUGGLED +
     b"\r\n0\r\n\r\n", {400}, CLOSES),
    ("two lengths", b"POST /orders" + HOST + b"Content-Length: 0\r\nContent-Length: 42\r\n\r\n" + SMUGGLED,
     {400}, CLOSES),
    ("two equal lengths", b"POST /orders" + HOST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}" + SMUGGLED,
     {400}, CLOSES),
    ("a list of lengths", b"POST /orders" + HOST + b"Content-Length: 2, 2\r\n\r\n{}" + SMUGGLED, {400}, CLOSES),
    ("a negative length", b"POST /orders" + HOST + b"Content-Length: -1\r\n\r\n" + SMUGGLED, {400}, CLOSES),
    ("a length with a plus", b"POST /orders" + HOST + b"Content-Length: +2\r\n\r\n{}" + SMUGGLED, {400}, CLOSES),
    ("a length in hex", b"POST /orders" + HOST + b"Content-Length: 0x2\r\n\r\n{}" + SMUGGLED, {400}, CLOSES),
    ("a length beyond 64 bits", b"POST /orders" + HOST + b"Content-Length: 18446744073709551618\r\n\r\n{}" + SMUGGLED,
     {400, 413}, CLOSES),
    ("an empty length", b"POST /orders" + HOST + b"Content-Length: \r\n\r\n" + SMUGGLED, {400}, CLOSES),
    ("chunked twice", b"POST /orders" + HOST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" +
     b"0\r\n\r\n" + SMUGGLED, {400, 501}, CLOSES),
    ("chunked, then identity", b"POST /orders" + HOST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" +
     SMUGGLED, {400, 501}, CLOSES),
    ("xchunked", b"POST /orders" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
     {400, 501}, CLOSES),
    ("gzip, chunked", b"POST /orders" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
     {400, 501}, CLOSES),
    ("a tab before chunked", b"POST /orders" + HOST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
     {400, 501}, CLOSES),
    ("a chunk of no size", b"POST /orders" + HOST + b"Transfer-Encoding: chunked\r\n\r\n\r\n\r\n" + SMUGGLED,
     {400, 413}, CLOSES),
    ("a chunk of negative size", b"POST /orders" + HOST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + SMUGGLED,
     {400, 413}, CLOSES),
    ("a chunk of size 0x2", b"POST /orders" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n" +
     SMUGGLED, {400, 413, 415}, CLOSES),
    ("a chunk without its end", b"POST /orders" + HOST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}0\r\n\r\n" +
     SMUGGLED, {400, 413, 415}, CLOSES),
    ("a chunk beyond 64 bits", b"POST /orders" + HOST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" +
     SMUGGLED, {400, 413}, CLOSES),
    ("a chunk larger than the limit", b"POST /orders" + HOST + b"Transfer-Encoding: chunked\r\n\r\nffffff\r\n" +
     SMUGGLED, {413}, CLOSES),
    ("blank before the colon", b"GET /orders" + HOST + b"Content-Length : 42\r\n\r\n" + SMUGGLED, {400}, CLOSES),
    ("a folded header", b"GET /orders" + HOST + b"X-A: b\r\n Content-Length: 42\r\n\r\n" + SMUGGLED, {400}, CLOSES),
    ("a header without a colon", b"GET /orders" + HOST + b"nonsense\r\n\r\n" + SMUGGLED, {400}, CLOSES),
    ("a bare CR in a header", b"GET /orders" + HOST + b"X-A: b\rContent-Length: 42\r\n\r\n" + SMUGGLED, {400},
     CLOSES),
    ("a tab at a line's begin", b"GET /orders" + HOST + b"\tX-A: b\r\n\r\n" + SMUGGLED, {400}, CLOSES),
    ("brackets in a name", b"GET /orders" + HOST + b"Content[Length]: 42\r\n\r\n" + SMUGGLED, {400}, CLOSES),
    ("a header without a name", b"GET /orders" + HOST + b": x\r\n\r\n" + SMUGGLED, {400}, CLOSES),
    ("NUL in a header", b"GET /orders" + HOST + b"X-A: b\0c\r\n\r\n", {400}, CLOSES),
    ("NUL in the path", b"GET /orders\0x" + HOST + b"\r\n", {400}, CLOSES),
    ("HTTP/0.9", b"GET /orders\r\n\r\n" + SMUGGLED, {400}, CLOSES),
    ("HTTP/9.9", b"GET /orders HTTP/9.9\r\nHost: x\r\n\r\n" + SMUGGLED, {400, 505}, CLOSES),
    ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 501, 505}, CLOSES),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(1, 200)) + b"\r\n\r\n", {400}, CLOSES),
    ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", {400}, CLOSES),
    ("a word", b"hello\r\n\r\n", {400}, CLOSES),
    ("blanks", b"   \r\n\r\n", {400}, CLOSES),
    ("a long path", b"GET /" + b"a" * 20000 + HOST + b"\r\n", {431}, CLOSES),
    ("a long header", b"GET /orders" + HOST + b"X: " + b"a" * 20000 + b"\r\n\r\n", {431}, CLOSES),
    ("many headers", b"GET /orders" + HOST + b"a: b\r\n" * 5000 + b"\r\n", {431}, CLOSES),
    ("an endless header", b"GET /orders" + HOST + b"X: " + b"a" * 3000000, {431}, CLOSES),
    ("a body that is too large", b"POST /orders" + HOST + b"Content-Length: 3000000\r\n\r\n" + b" " * 3000000,
     {413}, CLOSES),
    ("an Expect that nobody knows", b"POST /orders" + HOST + b"Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}",
     {417}, CLOSES),
]

TARGETS = [
    ("%00", b"/orders/%00", {400}),
    ("%00 at the end", b"/orders/0190a000-0000-7000-8000-000000000001%00", {400}),
    ("%00 in the query", b"/orders?customer_id=%00", {400}),
    ("%2F", b"/orders/a%2Fcancel", {404}),
    ("%2F for the first slash", b"/orders%2F0190a000-0000-7000-8000-000000000001", {404}),
    ("%5C", b"/orders/..%5C..%5Cetc", {404}),
    ("dots", b"/orders/../metrics", {400}),
    ("escaped dots", b"/orders/%2e%2E/metrics", {400}),
    ("escaped twice", b"/orders/%252e%252e/metrics", {404}),
    ("a broken escape", b"/orders/%4", {400}),
    ("an escape that is none", b"/orders/%zz", {400}),
    ("an overlong slash", b"/orders/%c0%af", {400}),
    ("a surrogate", b"/orders/%ed%a0%80", {400}),
    ("raw bytes", b"/orders/\xff\xfe", {400}),
    ("a line break", b"/orders/%0d%0aX-Evil:%20a", {400}),
    ("DEL", b"/orders/%7f", {400}),
    ("empty segments", b"/orders//x", {404}),
    ("empty segments first", b"//orders", {400}),
    ("a slash at the end", b"/orders/", {404}),
    ("a fragment", b"/orders#x", {400, 404}),
    ("a hundred segments", b"/a" * 100, {404}),
    ("a star", b"*", {400, 404}),
    ("no slash", b"orders", {400, 404}),
    ("another host's", b"http://evil.example/orders/x", {400, 404}),
    ("a scheme of its own", b"file:///etc/passwd", {400, 404}),
    ("quotes for SQL", b"/orders?customer_id=%27%20OR%201=1--", {400}),
    ("a huge limit", b"/orders?customer_id=" + CUSTOMER.encode() + b"&limit=99999999999999999999", {400}),
    ("a cursor of one's own", b"/orders?customer_id=" + CUSTOMER.encode() + b"&cursor=%27;DROP", {400}),
    ("an admin path", b"/metrics", {404}),
]


def deep(n):
    return '{"a":' + "[" * n + "]" * n + "}"


def with_quantity(text):
    return order().replace('"quantity": 1', f'"quantity": {text}')


BODIES = [
    ("nothing", b"", {400}),
    ("no object", b"[]", {400}),
    ("17 levels", deep(17), {400}),
    ("30,000 levels", deep(30000), {400}),
    ("30,000 levels of objects, open", '{"a":' * 10000, {400}),
    ("no end", GOOD[:-1], {400}),
    ("two documents", GOOD + GOOD, {400}),
    ("a BOM", b"\xef\xbb\xbf" + GOOD, {400}),
    ("UTF-16", order().encode("utf-16"), {400}),
    ("a duplicate key", GOOD[:-1] + b',"payment_method":"pm_x"}', {400}),
    ("a duplicate key, escaped", GOOD[:-1] + b',"payment\\u005fmethod":"pm_x"}', {400}),
    ("a duplicate key in a line", order(lines="@").replace('"@"', '[{"sku":"TEA","quantity":1,"quantity":9}]'), {400}),
    ("invalid UTF-8", GOOD.replace(b"Ada", b"A\xffda"), {400}),
    ("overlong UTF-8", GOOD.replace(b"Ada", b"A\xc0\xafda"), {400}),
    ("a surrogate in UTF-8", GOOD.replace(b"Ada", b"A\xed\xa0\x80da"), {400}),
    ("a lone surrogate", GOOD.replace(b"Ada", b"A\\ud800da"), {400}),
    ("U+0000", GOOD.replace(b"Ada", b"A\\u0000da"), {400, 422}),
    ("U+0000 in a name", GOOD.replace(b'"payment_method"', b'"payment_method\\u0000"'), {400, 422}),
    ("a NUL byte", GOOD.replace(b"Ada", b"A\0da"), {400}),
    ("a control character", GOOD.replace(b"Ada", b"A\\u0007da"), {422}),
    ("a line break within text", GOOD.replace(b"Ada", b"A\nda"), {400}),
    ("single quotes", GOOD.replace(b'"', b"'"), {400}),
    ("a comment", b"/* */" + GOOD, {400}),
    ("a comma too many", GOOD[:-1] + b",}", {400}),
    ("__proto__", order(__proto__={"a": 1}), {422}),
    ("a million blanks", b" " * 60000 + b"{}", {422}),
    ("101 lines", order(lines=[{"sku": f"S{i}", "quantity": 1} for i in range(101)]), {422}),
    ("2,000 lines", order(lines=[{"sku": "S", "quantity": 1}] * 2000), {422}),
    ("5,000 members", json.dumps({f"m{i}": i for i in range(4000)}), {422}),
    ("no lines", order(lines=[]), {422}),
    ("a long name", order(ship_to={"name": "n" * 60000}), {422}),
    ("a SKU for SQL", order(lines=[{"sku": "'; DROP TABLE orders; --", "quantity": 1}]), {422}),
    ("an unknown SKU", order(lines=[{"sku": "NONE", "quantity": 1}]), {422}),
    ("another one's id", order(customer_id="0190a000-0000-7000-8000-00000000dead"), {422}),
] + [(f"quantity {text}", with_quantity(text), statuses) for text, statuses in (
    ("0", {422}), ("-1", {422}), ("-0", {422}), ("1.0", {422}), ("1e0", {422}), ("1e999", {400, 422}),
    ("1000001", {422}), ("2147483648", {422}), ("9223372036854775807", {422}), ("9223372036854775808", {422}),
    ("18446744073709551617", {422}), ("-9223372036854775809", {422}), ("9" * 5000, {422}), ("NaN", {400}),
    ("Infinity", {400}), ("01", {400}), ("0x1", {400}), ("+1", {400}), (".5", {400}), ("1.", {400}),
    ("true", {422}), ("null", {422}), ('"1"', {422}), ("[1]", {422}), ("{}", {422}))]

METHODS = [("TRACE", {405}), ("CONNECT", {400, 405}), ("DELETE", {405}), ("PATCH", {405}), ("PROPFIND", {405, 501}),
           ("get", {400, 501}), ("G=T", {400, 501}), ("A" * 500, {400, 501})]


class Attacks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.target = Target("attacks", WB_HTTP_READ_DEADLINE_MS="2000", WB_LOOKUP_WAIT_MS="50")
        # It works at all, so that a refusal means something.
        answers = exchange(cls.target, post(GOOD), SENTINEL)
        assert [a.status for a in answers] == [202, 404], [(a.status, a.body) for a in answers]
        cls.pid = cls.target.process.child.pid
        cls.memory = cls.target.memory_kib()

    @classmethod
    def tearDownClass(cls):
        cls.target.stop()

    def setUp(self):
        self.orders = self.target.orders()

    def tearDown(self):
        self.target.serves()
        self.assertEqual(self.target.orders(), self.orders, "an attack has placed an order")
        self.assertEqual(self.target.process.child.pid, self.pid)
        self.assertTrue(self.target.process.is_running())

    def attack(self, name, data, statuses, lives):
        answers = exchange(self.target, data, SENTINEL)
        got = [a.status for a in answers]
        with self.subTest(name):
            self.assertIn(got[:1], [[s] for s in statuses], got)
            self.assertEqual(len(got), 2 if lives else 1, [(a.status, a.body) for a in answers])
            for answer in answers:
                answer.problem()
            if lives:
                self.assertIn("/sentinel", answers[1].problem()["instance"])

    def test_framing(self):
        for name, data, statuses, lives in FRAMING:
            self.attack(name, data, statuses, lives)

    def test_targets(self):
        for name, target, statuses in TARGETS:
            lives = not target.startswith((b"http:", b"file:", b"orders", b"*"))
            data = b"GET " + target + HOST + b"\r\n"
            if lives:
                self.attack(name, data, statuses, LIVES)
                continue
            # libevent refuses some of these by itself, and closes.
            answers = exchange(self.target, data, SENTINEL)
            with self.subTest(name):
                self.assertIn(answers[0].status, statuses)
                answers[0].problem()

    def test_bodies(self):
        for name, body, statuses in BODIES:
            self.attack(name, post(body), statuses, LIVES)

    def test_content_types(self):
        for content_type in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-7",
                             "application/jsonx", "multipart/form-data; boundary=x", "a" * 1000):
            self.attack(content_type, post(GOOD, content_type=content_type), {415}, LIVES)
        self.attack("none", b"POST /orders" + HOST + b"Content-Length: %d\r\n\r\n" % len(GOOD) + GOOD, {415}, LIVES)

    def test_methods(self):
        for method, statuses in METHODS:
            data = method.encode() + b" /orders" + HOST + b"\r\n"
            answers = exchange(self.target, data, SENTINEL)
            with self.subTest(method):
                self.assertIn(answers[0].status, statuses)
                answers[0].problem()
                self.assertNotIn("Cookie", answers[0].body)

    def test_pipelining(self):
        """Answered in order, also when the client reads only at the end; a HEAD has no body."""
        n = 500
        data = b"".join(get(f"/orders/none-{i}") for i in range(n)) + SENTINEL
        answers = exchange(self.target, data)
        self.assertEqual(len(answers), n + 1)
        for i, answer in enumerate(answers[:n]):
            self.assertEqual(answer.problem()["instance"], f"/orders/none-{i}")

    def test_a_body_behind_a_head(self):
        """What HEAD and TRACE bring along is no request."""
        for method in (b"HEAD", b"TRACE"):
            data = method + b" /orders" + HOST + b"Content-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED
            with self.target.connect() as s:
                s.sendall(data + SENTINEL)
                got = read_to_end(s)
            self.assertEqual(got.count(b"HTTP/1.1 "), 1, got)
            self.assertNotIn(b"smuggled", got)

    def test_noise(self):
        """Seeded, so that a failure can be had again: half a good request, then bytes flipped."""
        rng = random.Random(5)
        good = post(GOOD.replace(b'"TEA"', b'"NONE"'))
        for _ in range(300):
            data = bytearray(good)
            for _ in range(rng.randrange(1, 8)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            cut = rng.randrange(1, len(data))
            with self.target.connect() as s:
                s.sendall(data[:cut])
                if rng.randrange(2):
                    s.sendall(data[cut:] + SENTINEL)
                    for answer in split_answers(read_to_end(s)):
                        self.assertTrue(400 <= answer.status < 500 or answer.status == 501, answer.status)

    def test_zz_nothing_is_kept(self):
        """Last: after all of it the process is as small as before, but for its caches."""
        self.assertLess(self.target.memory_kib() - self.memory, 60000)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
