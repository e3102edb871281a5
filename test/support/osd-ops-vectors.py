"""The op vectors that osd-ops-record.py sends, in order; later ones see what earlier ones wrote."""
import struct, zlib

P = struct.pack
M = 2**20
NOSNAP, SNAPDIR = 2**64 - 2, 2**64 - 1
FAILOK, EXCL = 2, 1
RETURNVEC = 0x4000000
READ, STAT, MAPEXT, SPARSE, AVER, WATCHERS, SNAPS, SYNC = 0x1201, 0x1202, 0x1203, 0x1205, 0x1208, 0x1209, 0x120A, 0x120B
GKEYS, GVALS, GHEAD, GBYKEYS, OCMP, DIRTY, CKSUM, CMPEXT = 0x1211, 0x1212, 0x1213, 0x1214, 0x1219, 0x121D, 0x121F, 0x1220
GX, GXS, CX, CALL = 0x1301, 0x1302, 0x1303, 0x1401
WR, WF, TR, ZE, DEL, AP, CR = 0x2201, 0x2202, 0x2203, 0x2204, 0x2205, 0x2206, 0x220D
SVALS, SHEAD, CLEAR, RKEYS, RRANGE, UNDIRTY, HINT, WSAME = 0x2215, 0x2216, 0x2217, 0x2218, 0x222C, 0x221C, 0x2223, 0x2226
SX, RX, PGLS, PGLSF, PGNLS, PGNLSF = 0x2301, 0x2304, 0x1501, 0x1502, 0x1505, 0x1506


def s(b):
    return P('<I', len(b)) + b


def op(code, args=b'', inp=b'', flags=0):
    return dict(code=code, flags=flags, args=args.hex(), input=inp.hex())


def ext(code, off=0, length=None, inp=b'', size=0, seq=0, flags=0):
    return op(code, P('<QQQI', off, len(inp) if length is None else length, size, seq), inp, flags)


def rd(off=0, length=0, **k):
    return ext(READ, off, length, **k)


def xat(code, name, value=b'', cmp_op=0, mode=0, flags=0):
    return op(code, P('<IIBB', len(name), len(value), cmp_op, mode), name + value, flags)


def om(code, inp=b'', flags=0):
    return ext(code, 0, None, inp, flags=flags)


def keys(*x):
    return P('<I', len(x)) + b''.join(map(s, x))


def mp(**d):
    return P('<I', len(d)) + b''.join(s(k.encode()) + s(v) for k, v in sorted(d.items()))


def page(after, count, prefix=None):
    return s(after) + P('<Q', count) + (s(prefix) if prefix is not None else b'')


def assertion(key, value, cmp_op):
    return P('<I', 1) + s(key) + s(value) + P('<i', cmp_op)


def cksum(off, length, chunk, kind, seed):
    return op(CKSUM, P('<QQIB', off, length, chunk, kind), seed)


def same(off, length, data_length, pattern):
    return op(WSAME, P('<QQQ', off, length, data_length), pattern)


def version(v):
    return op(AVER, P('<QQ', 0, v))


def call(cls, method):
    return op(CALL, P('<BBBI', len(cls), len(method), 0, 0), cls + method)


def place(name=b'', hash=0, max=0, pool=-(2**63), snap=0):
    return P('<BBI', 4, 3, 33 + len(name)) + s(b'') + s(name) + P('<QI?', snap, hash, bool(max)) + s(b'') + P('<q', pool)


def requests(pool):
    out = []

    def ask(name, ops, flags=0, ns='', key='', mtime=(0, 0), snapid=NOSNAP, seq=0, snaps=(), hash=None, write=True, pgls=False):
        name = name if isinstance(name, str) else name.decode('latin1')
        out.append(
            dict(
                name=name, ns=ns, key=key, hash=zlib.crc32(name.encode('latin1')) if hash is None else hash,
                flags=0x400004 | flags | (0x20 if write else 0x10), mtime=list(mtime), snapid=str(snapid),
                snapSeq=seq, snaps=list(snaps), ops=ops, **({'pgls': True} if pgls else {}),
            )
        )

    def w(name, *ops, **k):
        ask(name, list(ops), **k)

    def r(name, *ops, **k):
        ask(name, list(ops), write=False, **k)

    def v(name, *ops, **k):
        ask(name, list(ops), flags=RETURNVEC, **k)

    # Existence, result rules.
    r('a', op(STAT)); w('a', op(DEL)); w('a', op(DEL, flags=FAILOK))
    w('a', op(DEL, flags=FAILOK), ext(WF, inp=b'abc')); v('a', op(DEL, flags=FAILOK), ext(WF, inp=b'abc'))
    r('a', rd(10, 5)); r('a', rd(0, 2), rd(1, 9), op(STAT)); r('a', rd(0, 2), xat(GX, b'no'), rd())
    r('a', rd(0, 2), xat(GX, b'no', flags=FAILOK), rd()); r('a', rd(0, 2), xat(GX, b'no', flags=FAILOK))
    r('a', ext(WR, 5, inp=b'zz')); r('a', rd(), op(GXS), op(SYNC), rd(2, 2**32)); r('a'); r('a', op(0x12FF)); w('a', op(0x22FF))
    v('a', ext(WR, 0, inp=b'Y'), rd()); w('a', ext(WR, 0, inp=b'Q'), rd()); v('a', ext(AP, inp=b'END'), rd())
    v('b', op(CR), rd(), op(STAT)); v('c', op(STAT), op(CR)); v('c', rd(), op(CR)); v('d', xat(GX, b'k'), op(CR)); v('d', op(GXS), op(CR))
    w('b', op(CR, flags=EXCL)); w('e', op(CR, flags=EXCL)); w('e', op(CR)); w('e', op(CR, flags=EXCL | FAILOK)); w('e', rd(0, 5), op(CR, flags=EXCL))
    v('e', xat(SX, b'k', b'v'), xat(GX, b'k')); v('e', op(DEL), xat(GX, b'k')); v('e', op(DEL), rd(), op(STAT, flags=FAILOK)); w('a', op(DEL), op(CR))
    r('a', op(STAT), op(GXS)); w('a', op(STAT)); r('a', op(DIRTY), op(WATCHERS))
    # The refused write of `ov` leaves its new user version in the real OSD's memory, so it is not used again.
    w('ov', ext(WF, inp=b'x' * 100)); v('ov', rd(), ext(WR, inp=b'Q'))
    w('a', ext(WF, inp=b'x' * 100), xat(SX, b'k', b'v')); v('b', rd(0, 64), ext(WR, inp=b'Q'))
    w('a', rd(), ext(ZE, 1000, 1)); v('a', rd(), ext(ZE, 1000, 1))
    # Names.
    for n in (2048, 2049):
        w('n' * n, op(CR)); w('a', op(CR), key='k' * n)
    r('n' * 2049, rd()); w('a', op(CR), ns='s' * 256); w('a', op(CR), ns='s' * 257); w('', op(CR)); r('', rd())
    # Stamps.
    w('t', ext(WF, inp=b'x'), mtime=(5000, 1)); r('t', op(STAT)); w('t', xat(SX, b'k', b'v')); r('t', op(STAT))
    w('t', xat(SX, b'k', b'v'), mtime=(4000, 0)); r('t', op(STAT)); w('t', op(UNDIRTY), mtime=(6000, 0)); r('t', op(STAT), op(DIRTY)); w('t', op(UNDIRTY))
    w('none', op(UNDIRTY)); v('u', op(DIRTY), op(CR))
    # Attributes.
    w('x', xat(SX, b'k', b'12')); r('x', op(STAT), op(GXS), xat(GX, b'k'), xat(GX, b'k' * 101))
    for cmp_op in range(8):
        for mode, value in ((1, b'12'), (1, b'2'), (2, P('<Q', 12)), (2, P('<Q', 13)), (3, b'12')):
            r('x', xat(CX, b'k', value, cmp_op, mode))
    r('x', xat(CX, b'q', b'', 1, 1)); r('x', xat(CX, b'q', P('<Q', 0), 1, 2)); r('x', xat(CX, b'k', b'123', 1, 2))
    for text, n in ((b'abc', 0), (b'12x', 12), (b' +7', 7), (b'-1', 2**64 - 1), (b'9' * 23, 2**64 - 1), (b'0' * 30 + b'5', 5)):
        w('x', xat(SX, b'n', text)); r('x', xat(CX, b'n', P('<Q', n), 1, 2))
    r('x', xat(CX, b'k', b'12', 1, 1), op(STAT)); r('x', op(STAT), xat(CX, b'k', b'12', 1, 1)); r('x', xat(CX, b'k', b'13', 1, 1), op(STAT))
    true = xat(CX, b'k', b'12', 1, 1)
    w('x', true, ext(WR, inp=b'X')); v('x', true, ext(WR, inp=b'X')); v('x', xat(CX, b'k', b'13', 1, 1), ext(WR, inp=b'X'))
    v('x', ext(WR, inp=b'x'), true); w('x', ext(WR, inp=b'x'), true); w('x', ext(ZE, 1000, 1), true)
    v('none', xat(CX, b'q', b'', 1, 1), op(CR)); v('none', xat(CX, b'q', b'x', 1, 1), op(CR))
    w('x', om(SVALS, mp(o1=b'v1')), ext(WF, inp=b'0123456789'))
    for one in (rd(), op(STAT), ext(SPARSE, 0, 9), ext(MAPEXT, 0, 9), ext(CMPEXT, inp=b'0'), cksum(0, 0, 0, 2, bytes(4)), op(WATCHERS), op(DIRTY),
                xat(GX, b'k'), op(GXS), true, om(GKEYS, page(b'', 9)), om(GVALS, page(b'', 9, b'')), om(GHEAD), om(GBYKEYS, keys(b'a')), om(OCMP, assertion(b'o1', b'v1', 1))):
        r('x', true, one)
    for one in (ext(WR, inp=b'x'), ext(AP, inp=b'x'), ext(TR, 3), ext(ZE, 0, 1), ext(ZE, 99, 1), op(CR), xat(SX, b'k', b'12'), xat(RX, b'z'),
                om(SVALS, mp(a=b'b')), om(SHEAD, b'h'), om(RKEYS, keys(b'a')), om(RRANGE, s(b'a') + s(b'b')), om(CLEAR), op(UNDIRTY),
                op(HINT, P('<QQI', 1, 1, 1)), same(0, 2, 1, b'x'), op(CR, flags=EXCL | FAILOK)):
        v('x', true, one)
    w('x', xat(SX, b'k' * 100, b'v')); w('x', xat(SX, b'k' * 101, b'v')); w('x', xat(SX, b'', b'v')); r('x', op(GXS))
    w('x', xat(RX, b'zz')); w('none', xat(RX, b'zz')); w('x', xat(RX, b'k')); r('x', xat(GX, b'k')); w('x', op(0x2302)); w('x', op(0x2303))
    # Sizes.
    w('s', ext(WR, 128 * M - 1, inp=b'x')); w('s', ext(TR, 0))
    for off in (128 * M - 1, 128 * M + 1, 2**64 - 1):
        w('s', ext(WR, off, inp=b'xy'))
    w('s', ext(WR, 0, 3, b'xy')); w('s', ext(WR, 0, 1, b'xy')); w('s', ext(WF, 0, 3, b'xy')); w('s', ext(WF, 1, inp=b'xy')); w('s', ext(AP, 0, 1, b'xy'))
    w('s', ext(WR, 3)); r('s', op(STAT)); w('s', ext(WR, 1000)); r('s', op(STAT)); w('s', ext(WR, 128 * M)); w('s2', ext(WR, 10)); r('s2', op(STAT))
    w('s3', ext(AP, 10)); r('s3', op(STAT)); w('s', ext(WF)); r('s', op(STAT)); w('s', ext(TR, 128 * M)); w('s', ext(TR, 128 * M + 1))
    w('none', ext(TR, 10)); w('none', ext(ZE, 0, 10)); r('none', op(STAT)); w('s', ext(WF, inp=b'0123456789')); w('s', ext(ZE, 2, 3)); w('s', ext(ZE, 8, 10))
    w('s', ext(ZE, 20, 10)); w('s', ext(ZE, 128 * M, 10)); r('s', rd(), rd(2**63, 1), rd(128 * M + 5, 1)); w('s', ext(TR, 128 * M - 2), ext(AP, inp=b'ab')); w('s', ext(AP, inp=b'a'))
    w('s4', ext(WR, inp=b'ab'), ext(WR, 1, inp=b'cd'), ext(TR, 2), ext(AP, inp=b'!'), ext(ZE, 0, 1), ext(WF, inp=b'Z'), ext(AP, inp=b'!')); r('s4', rd())
    # Truncation numbers.
    w('q', ext(WF, inp=b'0123456789')); w('q', ext(WR, 6, inp=b'ab', size=4, seq=1)); r('q', rd()); w('q', ext(WR, inp=b'ABCDEFGH')); r('q', rd(), rd(0, 10, size=4, seq=1))
    for size in (4, 100):
        r('q', rd(0, 10, size=size, seq=2), rd(0, 0, size=size, seq=2)); r('q', ext(MAPEXT, 0, 10, size=size, seq=2)); r('q', ext(SPARSE, 0, 10, size=size, seq=2))
    w('q', ext(WR, inp=b'!', size=20, seq=3)); r('q', op(STAT), rd()); w('q', ext(WR, 4, inp=b'----', size=2, seq=2)); r('q', rd())
    for size, seq in ((5, 5), (3, 4), (3, 5)):
        w('q', ext(TR, size, 0, size=size, seq=seq)); r('q', rd())
    w('q', ext(ZE, 1, 2, size=1, seq=9)); r('q', rd()); w('q', ext(WR, 3, inp=b'abcdef', size=9, seq=2)); r('q', rd()); w('q', ext(WR, 8, inp=b'ab', size=9, seq=2)); r('q', rd())
    w('q', ext(AP, inp=b'QQ', size=9, seq=2)); r('q', rd()); w('q2', ext(WR, 6, inp=b'ab', size=4, seq=7)); r('q2', rd()); w('q2', op(DEL), ext(WR, 6, inp=b'ab', size=4, seq=8)); r('q2', rd())
    w('q2', ext(WF, inp=b'xy', size=1, seq=10)); w('q2', ext(WR, 1, inp=b'ZZ', size=1, seq=9)); r('q2', rd())
    w('q3', ext(WF, inp=b'0123456789'), ext(WR, 2, inp=b'ab', size=2**64 - 1, seq=1)); r('q3', rd(), rd(0, 10, size=4, seq=1))
    # Comparing, checksums, patterns, hints, versions.
    w('k', ext(WF, inp=b'0123456789'))
    for off, given in ((0, b'01'), (0, b'0X23'), (3, b'Xyz'), (8, b'89'), (8, b'89\0\0'), (8, b'89ab'), (20, b'\0\0'), (20, b'ab'), (0, b'')):
        r('k', ext(CMPEXT, off, inp=given))
    r('k', ext(CMPEXT, 0, 3, b'01')); r('k', ext(CMPEXT, 0, 1, b'01')); v('k2', ext(CMPEXT, inp=b'\0\0'), op(CR)); v('k3', ext(CMPEXT, inp=b'ab'), op(CR))
    v('k', ext(CMPEXT, inp=b'0b'), ext(WR, inp=b'x')); r('k', ext(CMPEXT, inp=b'0b', flags=FAILOK), op(STAT)); r('k', ext(CMPEXT, inp=b'012345', size=4, seq=2))
    w('k4', ext(WF, inp=bytes(i * 7 & 255 for i in range(1000))))
    for kind, seed in ((0, bytes(4)), (1, bytes(8)), (2, b'\xff' * 4), (3, bytes(4)), (0, P('<I', 7)), (1, P('<Q', 2**63 + 7))):
        r('k', cksum(0, 0, 0, kind, seed)); r('k', cksum(0, 10, 5, kind, seed)); r('k4', cksum(0, 0, 0, kind, seed)); r('k4', cksum(0, 1000, 125, kind, seed))
    for off, length, chunk in ((0, 10, 3), (0, 20, 5), (20, 5, 5), (4, 3, 0), (4, 0, 0), (0, 0, 5), (5, 10, 5), (0, 12, 3), (2, 12, 4)):
        r('k', cksum(off, length, chunk, 2, bytes(4)))
    r('k', cksum(0, 0, 0, 2, b'')); r('k', cksum(0, 0, 0, 2, bytes(8))); v('k5', cksum(0, 0, 0, 2, bytes(4)), op(CR))
    w('k2', same(2, 6, 2, b'ab')); r('k2', rd())
    for off, length, n, pattern in ((0, 7, 2, b'ab'), (0, 0, 2, b'ab'), (0, 4, 0, b''), (0, 4, 4, b'ab'), (128 * M - 2, 4, 2, b'ab')):
        w('k2', same(off, length, n, pattern))
    r('k2', version(0)); r('k2', version(1)); r('k2', version(10**6)); v('none', version(0), op(CR)); v('none', version(1), op(CR))
    w('h', op(HINT, P('<QQI', 1000, 100, 1))); r('h', op(STAT)); w('h', op(HINT, P('<QQI', 1000, 100, 1), flags=FAILOK), ext(WF, inp=b'x'))
    r('k', op(SNAPS), snapid=SNAPDIR); r('k', op(SNAPS)); r('none', op(SNAPS), snapid=SNAPDIR); r('k', rd(), snapid=SNAPDIR); r('k', rd(), snapid=3); r('none', rd(), snapid=3)
    w('k', ext(WF, inp=b'x'), snapid=3); w('k', ext(WF, inp=b'x'), seq=3, snaps=(5,)); r('k', ext(MAPEXT, 0, 10), ext(SPARSE, 0, 10), ext(SPARSE), ext(SPARSE, 20, 3))
    r('k', call(b'nope', b'x')); w('k', call(b'nope', b'x')); r('k', call(b'lock', b'nope')); r('none', call(b'nope', b'x'))
    # Omap.
    r('none', om(GKEYS, page(b'', 9))); v('o1', om(GKEYS, page(b'', 9)), op(CR)); v('o2', om(GVALS, page(b'', 9, b'')), op(CR)); v('o3', om(GHEAD), om(GBYKEYS, keys(b'a')), op(CR))
    v('none', om(OCMP, assertion(b'k', b'', 1)), op(CR)); w('o', om(SVALS, mp(a=b'1', b=b'22', ba=b'3', c=b'')))
    for after, n in ((b'', 9), (b'a', 2), (b'', 0), (b'c', 9)):
        r('o', om(GKEYS, page(after, n)))
    for after, n, prefix in ((b'', 9, b'b'), (b'', 1, b'b'), (b'b', 1, b'b'), (b'aa', 9, b'c'), (b'', 9, b'zz'), (b'', 0, b''), (b'', 2**64 - 1, b'')):
        r('o', om(GVALS, page(after, n, prefix)))
    for code in (GKEYS, GVALS, GBYKEYS, OCMP):
        r('o', om(code, b'\xff\xff'))
    r('o', om(GVALS, page(b'', 9))); r('o', om(GHEAD)); w('o', om(SHEAD, b'HEAD')); r('o', om(GHEAD)); r('o', om(GBYKEYS, keys(b'a', b'c', b'zz')))
    for cmp_op in range(8):
        r('o', om(OCMP, assertion(b'b', b'3', cmp_op)))
    r('o', om(OCMP, assertion(b'nope', b'', 1))); w('o', om(RKEYS, keys(b'a', b'zz')))
    for code, inp in ((RKEYS, keys(b'a')), (RRANGE, s(b'a') + s(b'b')), (CLEAR, b'')):
        w('none', om(code, inp)); w('h', om(code, inp))
    w('none', om(CLEAR, flags=FAILOK)); w('o', om(RRANGE, s(b'b') + s(b'c'))); r('o', om(GKEYS, page(b'', 9))); w('o', om(RRANGE, s(b'z') + s(b'c')))
    for code in (RKEYS, SVALS, RRANGE):
        w('o', om(code, b'\xff\xff'))
    w('o4', om(SVALS, mp())); r('o4', op(STAT)); w('o5', om(SHEAD, b'x')); r('o5', op(STAT), om(GKEYS, page(b'', 9)), om(GHEAD))
    w('o', om(CLEAR)); r('o', om(GKEYS, page(b'', 9)), om(GHEAD)); w('o', om(CLEAR)); v('o', om(SVALS, mp(q=b'1')), om(GKEYS, page(b'', 9)))
    w('o', om(SVALS, mp(**{'': b'x'}))); r('o', om(GBYKEYS, keys(b''))); r('o', om(GKEYS, page(b'', 1)))
    # Listings. What is left of the objects above is listed too.
    w('l1', op(CR), xat(SX, b'f', b'v'), ns='nsA', hash=0x80000000); w('l2', op(CR), xat(SX, b'f', b'v'), hash=1); w('l3', op(CR), key='kk', hash=0x40000000)

    def ls(code, count, cursor, ns='\x01', before=b''):
        ask('', [op(code, P('<QI', count, 1), before + cursor)], flags=0x20400, ns=ns, hash=0, write=False, pgls=True)

    for ns in ('', '\x01', 'nsA', 'nsB'):
        ls(PGNLS, 1024, place(), ns)
    ls(PGLS, 1024, place(), ''); ls(PGLS, 1024, place()); ls(PGNLS, 2, place()); ls(PGNLS, 0, place()); ls(PGNLS, 9, place(max=1)); ls(PGNLS, 9, b'\1\2')
    for name in (b'', b'l2', b'l3'):
        ls(PGNLS, 4, place(name, 1, pool=pool))
    filters = [(b'plain', b'_f', b'v'), (b'plain', b'_f', b'w'), (b'plain', b'_f'), (b'foo', b'x', b'y'), (b'foo.bar', b'x', b'y')]
    for parts in filters:
        ls(PGNLSF, 1024, place(), '\x01', s(b'pg') + s(b'filter') + b''.join(map(s, parts)))
    ls(PGLSF, 1024, place(), '', s(b'pg') + s(b'filter') + b''.join(map(s, filters[0])))
    ask('', [op(PGNLS, P('<QI', 5, 1), place())] * 2, flags=0x20400, hash=0, write=False, pgls=True)
    r('k', op(PGNLS, P('<QI', 5, 1), place()), op(STAT)); r('k', op(STAT), op(PGNLS, P('<QI', 5, 1), place())); r('k', op(0x1507))
    return out
