import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ipaddr from 'ipaddr.js'
import type { Test } from 'tap'

type Value = string | number | bigint | readonly Value[] | { readonly [name: string]: Value }
/** The branches for the bits 0 and 1: each is another node, the offset of a value, or nothing. */
type Node = [Node | number | undefined, Node | number | undefined]

/**
 * Writes a database of locations in MaxMind's format, version 2 (https://maxmind.github.io/MaxMind-DB/): a binary tree
 * of the bits of an address, then the values, then the metadata.
 *
 * @param networks values by CIDR; no network may contain another
 * @returns the path; the file is removed after the test
 */
export async function writeLocationFile(
  t: Test,
  networks: Record<string, Value>,
  { ipVersion = 6 }: { ipVersion?: 4 | 6 } = {},
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-locations-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const path = join(folder, 'test.mmdb')
  await writeFile(path, locationFile(networks, ipVersion))
  return path
}

export function locationFile(networks: Record<string, Value>, ipVersion: 4 | 6 = 6): Buffer {
  const root: Node = [undefined, undefined]
  const values: Buffer[] = []
  let size = 0
  for (const [cidr, value] of Object.entries(networks)) {
    put(root, bitsOf(cidr, ipVersion), size)
    values.push(encode(value))
    size += values.at(-1)!.length
  }
  const nodes = inOrder(root)
  const metadata = {
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1_700_000_000n,
    database_type: 'Test-City',
    description: { en: 'For tests' },
    ip_version: ipVersion,
    languages: ['en'],
    node_count: nodes.length,
    record_size: 32,
  }
  const separator = Buffer.alloc(16)
  return Buffer.concat([tree(nodes), separator, ...values, MARKER, encode(metadata)])
}

const MARKER = Buffer.from('abcdef4d61784d696e642e636f6d', 'hex')

/** In an IPv6 tree, IPv4 networks are below 96 zero bits. */
function bitsOf(cidr: string, ipVersion: 4 | 6): number[] {
  const [address, prefix] = ipaddr.parseCIDR(cidr)
  const isMapped = ipVersion === 6 && address.kind() === 'ipv4'
  const bytes = [...(isMapped ? new Array<number>(12).fill(0) : []), ...address.toByteArray()]
  const bits = bytes.flatMap(byte => Array.from({ length: 8 }, (_, at) => (byte >> (7 - at)) & 1))
  return bits.slice(0, prefix + (isMapped ? 96 : 0))
}

function put(root: Node, bits: number[], place: number): void {
  let node = root
  for (const bit of bits.slice(0, -1)) {
    node[bit] ??= [undefined, undefined]
    node = node[bit] as Node
  }
  node[bits.at(-1)!] = place
}

function inOrder(root: Node): Node[] {
  const nodes = [root]
  for (const node of nodes) for (const branch of node) if (Array.isArray(branch)) nodes.push(branch)
  return nodes
}

function tree(nodes: Node[]): Buffer {
  const buffer = Buffer.alloc(nodes.length * 8)
  for (const [at, node] of nodes.entries())
    for (const [side, branch] of node.entries()) {
      // The number of nodes means "no value"; the values begin 16 above it.
      const record = Array.isArray(branch)
        ? nodes.indexOf(branch)
        : nodes.length + (branch === undefined ? 0 : 16 + branch)
      buffer.writeUInt32BE(record, at * 8 + side * 4)
    }
  return buffer
}

function encode(value: Value): Buffer {
  if (typeof value === 'string') return Buffer.concat([control(2, Buffer.byteLength(value)), Buffer.from(value)])
  if (typeof value === 'number') return Buffer.concat([control(6, 4), unsigned(value)])
  if (typeof value === 'bigint') return Buffer.concat([control(9, 4), unsigned(Number(value))])
  if (Array.isArray(value)) return Buffer.concat([control(11, value.length), ...value.map(encode)])
  const entries = Object.entries(value)
  return Buffer.concat([control(7, entries.length), ...entries.flatMap(entry => entry.map(encode))])
}

/** Types above 7 are written in a second byte. This writer supports no size above 28. */
function control(type: number, size: number): Buffer {
  if (size > 28) throw new Error('too long for this writer')
  return Buffer.from(type <= 7 ? [(type << 5) | size] : [size, type - 7])
}

function unsigned(value: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeUInt32BE(value)
  return buffer
}
