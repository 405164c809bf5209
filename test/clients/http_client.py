"""Python's http.client as apps use it: `HOST PORT CASE` in, one JSON document out."""

import gzip
import hashlib
import http.client
import json
import os
import socket
import sys
import threading
import zlib

MEBIBYTE = 1024 * 1024
HOST, PORT, CASE = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def connect():
    return http.client.HTTPConnection(HOST, PORT, timeout=20)


def ask(method, path, body=None, headers=None, connection=None, **more):
    connection = connection or connect()
    connection.request(method, path, body, headers or {}, **more)
    answer = connection.getresponse()
    return answer, answer.read()


def compare(body, told):
    told = json.loads(told)
    return [told["framing"], told["bytes"], told["sha256"] == hashlib.sha256(body).hexdigest()]


def uploads():
    body = os.urandom(20 * MEBIBYTE)
    pieces = (body[at : at + 333_333] for at in range(0, len(body), 333_333))
    _, by_length = ask("POST", "/digest", body)
    _, in_chunks = ask("POST", "/digest", pieces, encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    return [compare(body, by_length), compare(body, in_chunks)]


def downloads():
    path = f"/file?bytes={20 * MEBIBYTE}"
    answer, whole = ask("GET", path)
    is_same = answer.getheader("ETag") == f'"{hashlib.sha256(whole).hexdigest()}"'
    connection = connect()
    joined = b""
    statuses = set()
    for at in range(0, len(whole), 5_000_000):
        part, bytes_ = ask("GET", path, headers={"Range": f"bytes={at}-{at + 4_999_999}"}, connection=connection)
        statuses.add(part.status)
        joined += bytes_
    return [is_same, joined == whole, list(statuses)]


def compressed():
    _, zipped = ask("GET", "/compressed?coding=gzip")
    _, deflated = ask("GET", "/compressed?coding=deflate&length")
    return [len(gzip.decompress(zipped)), len(zlib.decompress(deflated))]


def keep_alive():
    connection = connect()
    connection.connect()
    local = connection.sock.getsockname()
    for n in range(50):
        method = ["GET", "HEAD", "POST"][n % 3]
        ask(method, "/digest", b"body" if method == "POST" else None, connection=connection)
    return connection.sock.getsockname() == local


def empty_answers():
    found = []
    for method, path in (("HEAD", "/file?bytes=99"), ("GET", "/status?code=204"), ("GET", "/status?code=304")):
        answer, body = ask(method, path)
        found.append([answer.status, answer.getheader("Content-Length"), len(body)])
    return found


def until_close():
    _, body = ask("GET", "/until-close")
    return body.decode().rstrip().split("\n")[-1]


def expect_continue():
    connection = connect()
    connection.putrequest("POST", "/digest")
    connection.putheader("Content-Length", "8")
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    line = connection.sock.recv(64, socket.MSG_PEEK).split(b"\r\n")[0].decode()
    connection.send(b"expected")
    answer = connection.getresponse()
    return [line, answer.status, json.loads(answer.read())["bytes"]]


def events():
    connection = connect()
    connection.request("GET", "/events?channel=python")
    answer = connection.getresponse()
    seen = []
    while line := answer.readline():
        if line.startswith(b"data: "):
            seen.append(line.decode().strip())
            ask("GET", f"/publish?channel=python&text={'end' if len(seen) > 2 else len(seen)}")
    return seen


def long_poll():
    words = []
    poll = threading.Thread(target=lambda: words.append(ask("GET", "/poll?channel=python-poll")[1].decode()))
    poll.start()
    ask("GET", "/publish?channel=python-poll&text=word")
    poll.join()
    return words


def aborts():
    upload = connect()
    upload.putrequest("POST", "/digest?id=python-upload")
    upload.putheader("Content-Length", str(100 * MEBIBYTE))
    upload.endheaders()
    upload.send(bytes(MEBIBYTE))
    upload.close()
    download = connect()
    download.request("GET", "/endless?id=python-download")
    answer = download.getresponse()
    answer.read(MEBIBYTE)
    answer.close()
    download.close()
    return [ask("GET", f"/fate?id=python-{which}")[1].decode() for which in ("upload", "download")]


CASES = [uploads, downloads, compressed, keep_alive, empty_answers, until_close]
CASES += [expect_continue, events, long_poll, aborts]
print(json.dumps({case.__name__: case for case in CASES}[CASE]()))
