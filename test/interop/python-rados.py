"""Walks through Debian's python3-rados and prints what each step gives, one line each.

Usage: python-rados.py CONF POOL. The answers of a Ceph 16.2 cluster are in test/golden/python-rados/.
"""
import json
import sys
import threading

import rados

conf, pool = sys.argv[1:3]


def show(name, step):
    try:
        result = step()
    except rados.Error as e:
        result = "%s errno %s" % (type(e).__name__, e.errno)
    except Exception as e:
        result = "%s %s" % (type(e).__name__, e)
    print("%s: %r" % (name, result), flush=True)


cluster = rados.Rados(conffile=conf)
cluster.connect(timeout=10)
show("pool made", lambda: cluster.create_pool(pool))
show("pool made twice", lambda: cluster.create_pool(pool))
show("pool is there", lambda: (cluster.pool_exists(pool), pool in cluster.list_pools()))
number = cluster.pool_lookup(pool)
show("pool by number", lambda: cluster.pool_reverse_lookup(number) == pool)
show("no such pool", lambda: cluster.open_ioctx("no such pool"))
io = cluster.open_ioctx(pool)
io.application_enable("test")
show("application", lambda: io.application_list())
show("cluster stats", lambda: sorted(cluster.get_cluster_stats()))
show("pool stats", lambda: sorted(io.get_stats()))

# Data
show("write_full", lambda: io.write_full("a", b"hello"))
show("write", lambda: io.write("a", b"J", 0))
show("append", lambda: io.append("a", b" world"))
show("read", lambda: io.read("a"))
show("read a part", lambda: io.read("a", 3, 2))
show("read beyond", lambda: io.read("a", 10, 100))
show("stat size", lambda: io.stat("a")[0])
show("truncate", lambda: (io.trunc("a", 3), io.read("a")))
show("writesame", lambda: (io.writesame("same", b"ab", 6), io.read("same")))
show("cmpext same", lambda: io.cmpext("a", b"Jel", 0))
show("cmpext other", lambda: io.cmpext("a", b"Jxl", 0))
show("read none", lambda: io.read("none"))
show("stat none", lambda: io.stat("none"))
show("remove none", lambda: io.remove_object("none"))
show("remove", lambda: io.remove_object("same"))
show("empty object", lambda: (io.write_full("empty", b""), io.read("empty"), io.stat("empty")[0]))

# Attributes
show("setxattr", lambda: (io.set_xattr("a", "k", b"v\0w"), io.set_xattr("a", "e", b"")))
show("getxattr", lambda: io.get_xattr("a", "k"))
show("xattrs", lambda: sorted(io.get_xattrs("a")))
show("rmxattr", lambda: io.rm_xattr("a", "k"))
show("getxattr none", lambda: io.get_xattr("a", "k"))

# Omap
with rados.WriteOpCtx() as op:
    io.set_omap(op, tuple("k%03d" % i for i in range(300)), tuple(b"v%d" % i for i in range(300)))
    io.operate_write_op(op, "omap")


def omap(after="", prefix="", count=1000):
    with rados.ReadOpCtx() as op:
        found, _ = io.get_omap_vals(op, after, prefix, count)
        io.operate_read_op(op, "omap")
        return list(found)


def keys(after, count):
    with rados.ReadOpCtx() as op:
        found, _ = io.get_omap_keys(op, after, count)
        io.operate_read_op(op, "omap")
        return [k for k, _ in found]


def by_keys(*names):
    with rados.ReadOpCtx() as op:
        found, _ = io.get_omap_vals_by_keys(op, names)
        io.operate_read_op(op, "omap")
        return list(found)


show("omap all", lambda: (len(omap()), omap()[0], omap()[-1]))
show("omap after", lambda: omap("k297"))
show("omap prefix", lambda: omap("", "k00", 3))
show("omap keys", lambda: keys("k001", 3))
show("omap by keys", lambda: by_keys("k005", "nope", "k001"))


def remove_range():
    with rados.WriteOpCtx() as op:
        io.remove_omap_keys(op, ("k000", "k001"))
        io.remove_omap_range2(op, "k010", "k290")
        io.operate_write_op(op, "omap")
    return [k for k, _ in omap()]


show("omap remove", remove_range)


def clear():
    with rados.WriteOpCtx() as op:
        io.clear_omap(op)
        io.operate_write_op(op, "omap")
    return omap()


show("omap clear", clear)


# Operations of several steps
def steps():
    with rados.WriteOpCtx() as op:
        op.new(rados.LIBRADOS_CREATE_EXCLUSIVE)
        op.write_full(b"0123456789")
        op.append(b"abc")
        op.write(b"XX", 2)
        op.zero(5, 2)
        op.truncate(12)
        op.set_xattr("x", b"y")
        io.operate_write_op(op, "steps")
    return io.read("steps"), io.get_xattr("steps", "x")


show("write op", steps)
show("create exclusive again", steps)


def version_steps(delta):
    io.write_full("versioned", b"1")
    version = io.get_last_version()
    with rados.WriteOpCtx() as op:
        op.assert_version(version + delta)
        op.write_full(b"2")
        io.operate_write_op(op, "versioned")
    return io.read("versioned")


show("assert version", lambda: version_steps(0))
show("assert newer version", lambda: version_steps(1))
show("assert older version", lambda: version_steps(-1))


def compare(text):
    with rados.WriteOpCtx() as op:
        op.omap_cmp("color", text, rados.LIBRADOS_CMPXATTR_OP_EQ)
        op.write_full(b"matched")
        io.operate_write_op(op, "compared")
    return io.read("compared")


def set_color():
    with rados.WriteOpCtx() as op:
        io.set_omap(op, ("color",), (b"red",))
        io.operate_write_op(op, "compared")


set_color()
show("omap compare equal", lambda: compare("red"))
show("omap compare other", lambda: compare("blue"))


def remove_op():
    with rados.WriteOpCtx() as op:
        op.remove()
        io.operate_write_op(op, "steps")
    return io.read("steps")


show("remove op", remove_op)


# In the background
def in_background():
    done = []
    answers = [
        io.aio_write_full("aio%d" % i, b"x" * i, lambda c: done.append(c.get_return_value()))
        for i in range(20)
    ]
    for a in answers:
        a.wait_for_complete_and_cb()
    return sum(done), len(done), [io.stat("aio%d" % i)[0] for i in (0, 7, 19)]


def background_read(name):
    got = []
    answer = io.aio_read(name, 100, 0, lambda c, data: got.append(data))
    answer.wait_for_complete_and_cb()
    return got, answer.get_return_value()


show("aio write", in_background)
show("aio read", lambda: background_read("aio7"))
show("aio read none", lambda: background_read("none"))
show("aio flush", lambda: io.aio_flush())


def aio_remove():
    answer = io.aio_remove("aio7")
    answer.wait_for_complete_and_cb()
    return answer.get_return_value()


show("aio remove", aio_remove)


# Namespaces, locators, listing
def named():
    io.set_namespace("ns")
    io.write_full("a", b"in ns")
    inside = io.read("a")
    io.set_namespace("")
    return inside, io.read("a")


def located():
    io.set_locator_key("key")
    io.write_full("located", b"by key")
    inside = io.read("located")
    io.set_locator_key("")
    return inside


show("namespace", named)
show("locator", located)
show("without locator", lambda: io.read("located"))
show("list", lambda: sorted(o.key for o in io.list_objects() if not o.key.startswith("aio")))


def named_objects():
    found = [o for o in io.list_objects() if not o.key.startswith("aio")]
    return sorted((o.nspace, o.key, o.locator_key or "") for o in found)


io.set_namespace(rados.LIBRADOS_ALL_NSPACES)
show("list all", named_objects)
io.set_namespace("")

# Commands
mon = lambda **c: cluster.mon_command(json.dumps(c), b"", timeout=10)
show("mon_command", lambda: sorted(json.loads(mon(prefix="status", format="json")[1]))[:3])
show("bad mon_command", lambda: mon(prefix="no such command"))
show("no JSON", lambda: cluster.mon_command("{", b""))
show("osd_command", lambda: json.loads(cluster.osd_command(0, json.dumps({"prefix": "version"}), b"")[1])["release"])
show("mgr_command", lambda: json.loads(cluster.mgr_command(json.dumps({"prefix": "pg stat", "format": "json"}), b"")[1]).keys() >= {"pg_summary"})
show("pg_command", lambda: json.loads(cluster.pg_command("%d.0" % number, json.dumps({"prefix": "query", "pgid": "%d.0" % number}), b"")[1])["state"])
show("fsid", lambda: len(cluster.get_fsid()))
show("inconsistent pgs", lambda: cluster.get_inconsistent_pgs(number))
show("monmap ping", lambda: "health" in cluster.ping_monitor("no such mon"))

# Blocklist
other = rados.Rados(conffile=conf)
other.connect(timeout=10)
shut = other.open_ioctx(pool)
shut.write_full("before", b"x")
address = other.get_addrs().split("[")[-1].rstrip("]").split(",")[0] if hasattr(other, "get_addrs") else ""
show("blocklist", lambda: cluster.blocklist_add(address.replace("v2:", ""), 600))
cluster.wait_for_latest_osdmap()
io.write_full("wait", b"")
show("blocklisted write", lambda: shut.write_full("after", b"x"))

# What this project does not do, or not yet, must say so and not hang.
show("self-managed snap", lambda: io.create_self_managed_snap() > 0)
show("snap", lambda: io.create_snap("s"))
show("watch", lambda: io.watch("a", lambda *_: None).close())
show("lock", lambda: io.lock_exclusive("a", "name", "cookie"))
show("execute", lambda: io.execute("a", "hello", "say_hello", b""))
show("notify", lambda: io.notify("a", "msg", 1000))

io.close()
show("pool removed", lambda: cluster.delete_pool(pool))
show("pool removed twice", lambda: cluster.delete_pool(pool))
cluster.shutdown()
print("end", threading.active_count())
