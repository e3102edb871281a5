#!/usr/bin/python3
"""Records what a real OSD answers to op vectors: test/golden/osd-ops/answers.json.

Sends raw MOSDOp messages (msgr2.1 crc mode, auth none), so that any op code, flag and argument can be tried.
Use it only on a throw-away cluster: some malformed requests end a 16.2 OSD. Needs CEPH_CONF, and a fresh pool with
one PG, so that versions start at 1:

    ceph osd pool create ops 1 1 replicated && ./osd-ops-record.py ops > answers.json
"""
import json, os, random, socket, struct, subprocess, sys, zlib

P = struct.pack
NOSNAP, SNAPDIR = 2**64 - 2, 2**64 - 1
TABLE = []
for i in range(256):
    c = i
    for _ in range(8):
        c = (c >> 1) ^ 0x82F63B78 if c & 1 else c >> 1
    TABLE.append(c)


def crc(seed, data):
    for x in data:
        seed = TABLE[(seed ^ x) & 255] ^ (seed >> 8)
    return seed


def s(b):
    b = b.encode() if isinstance(b, str) else b
    return P('<I', len(b)) + b


def env(v, c, b):
    return bytes([v, c]) + P('<I', len(b)) + b


def addr(ip, port, nonce):
    sa = P('<H', 2) + P('>H', port) + socket.inet_aton(ip) + bytes(8)
    return b'\x01' + env(1, 1, P('<III', 2, nonce, len(sa)) + sa)


class Osd:
    def __init__(self, ip, port, nonce, pool, epoch):
        self.pool, self.epoch, self.tid, self.in_seq = pool, epoch, 0, 0
        gid = random.randrange(10**6, 10**9)  # a fresh one: the OSD knows the requests of an old one
        self.sock = socket.create_connection((ip, port))
        self.sock.sendall(b'ceph v2\n' + P('<HQQ', 16, 1, 0))
        self.read(26)
        self.send(1, [bytes([8]) + addr(ip, port, nonce)])
        self.recv()
        self.send(2, [P('<III', 1, 1, 1) + s(P('<BI', 1, 8) + s('admin') + P('<Q', gid))])
        assert self.recv()[0] == 6
        self.send(7, [bytes(32)])
        self.recv()
        me = b'\x02' + P('<I', 1) + addr(self.sock.getsockname()[0], 0, os.getpid())
        self.send(8, [me + addr(ip, port, nonce) + P('<qQQQQQ', gid, 1, 0x3F01CFBDFFFDFFFF, 0, 1, 0)])
        assert self.recv()[0] == 9

    def read(self, n):
        b = b''
        while len(b) < n:
            x = self.sock.recv(n - len(b))
            if not x:
                raise EOFError('the OSD closed the connection')
            b += x
        return b

    def send(self, tag, segs):
        while len(segs) > 1 and not segs[-1]:
            segs.pop()
        pre = bytes([tag, len(segs)])
        for i in range(4):
            pre += P('<IH', len(segs[i]), 8 if i < 3 else 4096) if i < len(segs) else bytes(6)
        pre += b'\0\0'
        out = pre + P('<I', crc(0, pre)) + segs[0] + P('<I', crc(0xFFFFFFFF, segs[0])) + b''.join(segs[1:])
        if len(segs) > 1:
            out += b'\x0e' + b''.join(P('<I', crc(0xFFFFFFFF, segs[i]) if i < len(segs) else 0) for i in (1, 2, 3))
        self.sock.sendall(out)

    def recv(self):
        pre = self.read(32)
        lengths = [struct.unpack_from('<I', pre, 2 + 6 * i)[0] for i in range(4)]
        segs = []
        for i in range(pre[1]):
            segs.append(self.read(lengths[i]))
            if i == 0 and lengths[0]:
                self.read(4)
        if pre[1] > 1:
            self.read(13)
        return pre[0], segs

    def request(self, r):
        self.tid += 1
        name, ns, key = (r.get(k, '').encode('latin1') for k in ('name', 'ns', 'key'))
        pg = r.get('pgls', False)
        front = env(1, 1, b'\x01' + P('<QIi', self.pool, 0, -1) + b'\xff')
        front += P('<III', 0 if pg else r['hash'], self.epoch, r['flags']) + env(2, 2, P('<BqQi', 0, 0, 0, 0)) + bytes(28)
        front += P('<II', *r['mtime'])
        locator = P('<qi', self.pool, -1) + s(key) + s(ns) + P('<q', 0 if pg else -1)
        front += env(6, 6 if pg else 3, locator) + s(name) + P('<H', len(r['ops']))
        data = b''
        for o in r['ops']:
            inp = bytes.fromhex(o['input'])
            front += P('<HI', o['code'], o['flags']) + bytes.fromhex(o['args']).ljust(28, b'\0') + P('<I', len(inp))
            data += inp
        front += P('<QQI', int(r['snapid']), r['snapSeq'], len(r['snaps'])) + b''.join(P('<Q', x) for x in r['snaps'])
        front += P('<iQ', 0, 0x3F01CFBDFFFDFFFF)
        self.send(17, [P('<QQHHHIHQBHH', self.tid, self.tid, 42, 63, 8, 0, 0, self.in_seq, 3, 3, 0), front, b'', data])
        while True:
            tag, segs = self.recv()
            if tag == 17:
                head = struct.unpack('<QQHHHIHQBHH', segs[0])
                self.in_seq = head[0]
                if head[2] == 43 and head[1] == self.tid:
                    return self.parse(segs)

    def parse(self, segs):
        f = segs[1]
        at = 4 + struct.unpack_from('<I', f)[0] + 17
        flags, result = struct.unpack_from('<Qi', f, at)
        n = struct.unpack_from('<I', f, at + 28)[0]
        at += 32
        lengths = [struct.unpack_from('<I', f, at + 38 * i + 34)[0] for i in range(n)]
        at += 38 * n + 4
        results = list(struct.unpack_from('<%di' % n, f, at))
        version, _, user = struct.unpack_from('<QIQ', f, at + 4 * n)
        data, outputs = segs[3] if len(segs) > 3 else b'', []
        for length in lengths:
            outputs.append(data[:length].hex())
            data = data[length:]
        return dict(ack=bool(flags & 1), result=result, results=results, outputs=outputs, version=version, userVersion=user)


def connect(pool):
    ask = lambda *a: json.loads(subprocess.check_output(['ceph', *a, '--format', 'json'], stderr=subprocess.DEVNULL))
    dump = ask('osd', 'dump')
    pid = [p['pool'] for p in dump['pools'] if p['pool_name'] == pool][0]
    primary = ask('pg', 'map', '%d.0' % pid)['acting'][0]
    osd = [o for o in dump['osds'] if o['osd'] == primary][0]
    a = [a for a in osd['public_addrs']['addrvec'] if a['type'] == 'v2'][0]
    ip, port = a['addr'].rsplit(':', 1)
    return Osd(ip, int(port), a['nonce'], pid, dump['epoch'])


def main():
    import importlib.util

    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'osd-ops-vectors.py')
    spec = importlib.util.spec_from_file_location('vectors', path)
    vectors = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(vectors)
    osd = connect(sys.argv[1])
    lines = []
    for r in vectors.requests(osd.pool):
        r['answer'] = osd.request(r)
        lines.append(json.dumps(r))
    print('{"pool": %d, "requests": [' % osd.pool)
    print(',\n'.join(lines))
    print(']}')


if __name__ == '__main__':
    main()
