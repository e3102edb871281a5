/** Two trees for two kinds of device, as before there were classes. */
export const PARALLEL_TREES = `
device 0 osd.0
device 1 osd.1
device 2 osd.2
device 3 osd.3
type 0 osd
type 1 host
type 2 root
host n1 { id -2 alg straw2 hash 0 item osd.0 weight 1.0 }
host n2 { id -3 alg straw2 hash 0 item osd.1 weight 1.0 }
root default { id -1 alg straw2 hash 0 item n1 weight 1.0 item n2 weight 1.0 }
host n1-ssd { id -5 alg straw2 hash 0 item osd.2 weight 1.0 }
host n3-ssd { id -6 alg straw2 hash 0 item osd.3 weight 0.5 }
root ssd { id -4 alg straw2 hash 0 item n1-ssd weight 1.0 item n3-ssd weight 0.5 }
rule hdds { id 0 type replicated min_size 1 max_size 4 step take default step chooseleaf firstn 0 type host step emit }
rule ssds { id 1 type replicated min_size 1 max_size 4 step take ssd step chooseleaf firstn 0 type host step emit }
`;
