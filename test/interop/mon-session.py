"""Sends monitor commands over one connection: reads lines of JSON, {"words": [...], "input": base64 or absent}, and
answers each with a line {"code", "status", "output": base64, "command": what was sent}. Words are checked against the table of commands that the
monitor itself gives, as the ceph program does; words it does not take are {"code": "refused"}."""
import base64, json, sys
import ceph_argparse, rados

cluster = rados.Rados(conffile=sys.argv[1], conf={'rados_mon_op_timeout': '30', 'rados_osd_op_timeout': '30'})
cluster.connect()
code, table, status = cluster.mon_command(json.dumps({'prefix': 'get_command_descriptions'}), b'')
signatures = ceph_argparse.parse_json_funcsigs(table.decode(), 'cli')
sys.stderr = open('/dev/null', 'w')  # what it says of words it refuses
print('ready', flush=True)
for line in sys.stdin:
    step = json.loads(line)
    words = step['words']
    options = {}
    while '--format' in words:
        at = words.index('--format')
        options['format'] = words[at + 1]
        words = words[:at] + words[at + 2:]
    command = ceph_argparse.validate_command(signatures, words)
    if not command:
        print(json.dumps({'code': 'refused'}), flush=True)
        continue
    command.update(options)
    data = base64.b64decode(step.get('input') or '')
    code, output, status = cluster.mon_command(json.dumps(command), data)
    output = base64.b64encode(output).decode()
    answer = {'code': code, 'status': status, 'output': output, 'command': command}
    print(json.dumps(answer), flush=True)
