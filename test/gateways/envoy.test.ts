import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'
import t from 'tap'
import { parse } from 'yaml'
import { deployedFile } from '../support/gateways/deployed-configuration.js'
import { problemsOf } from '../support/gateways/strict-message.js'

// Envoy itself is not run. Its configuration has only fields and values that Envoy knows: envoy-config.proto.

const TYPES: Record<string, string> = {
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager': 'envoy.HttpConnectionManager',
  'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz': 'envoy.ExtAuthz',
  'envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute': 'envoy.ExtAuthzPerRoute',
  'envoy.extensions.filters.http.router.v3.Router': 'envoy.Router',
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': 'envoy.UpstreamHttpProtocolOptions',
}
const root = new protobuf.Root()
// The types of google.protobuf that Envoy uses have no file in protobufjs, but are known to it.
for (const name of ['any', 'duration', 'wrappers'])
  root.addJSON(protobuf.common.get(`google/protobuf/${name}.proto`)!.nested!)
await root.load(fileURLToPath(new URL('envoy-config.proto', import.meta.url)), { keepCase: true })
root.resolveAll()
const check = (type: string, value: unknown) =>
  problemsOf(root, type, value, url => TYPES[url.replace('type.googleapis.com/', '')])

t.test('envoy.yaml and envoy-http.yaml have only fields and values that Envoy knows', async t => {
  t.same(check('envoy.Bootstrap', parse(deployedFile('envoy.yaml'))), [])
  t.same(check('envoy.HttpFilter', parse(deployedFile('envoy-http.yaml'))), [])
})

t.test('a field that Envoy does not know, a wrong value and a wrong type are found', async t => {
  const changed = (from: string, to: string) => {
    const text = deployedFile('envoy.yaml')
    t.ok(text.includes(from), from)
    return check('envoy.Bootstrap', parse(text.replace(from, to))).join()
  }
  t.match(changed('status_on_error:', 'status_on_errors:'), /status_on_errors does not exist/)
  t.match(changed('ServiceUnavailable', 'Unavailable'), /code has no value Unavailable/)
  t.match(changed('timeout: 1s }', 'timeout: 1 }'), /must be a duration/)
  t.match(changed('port_value: 80 ', 'port_value: "80" '), /port_value must be a uint32/)
  t.match(changed('ext_authz.v3.ExtAuthz\n', 'ext_authz.v2.ExtAuthz\n'), /no known @type/)
  t.match(changed('match: { prefix: / }', 'match: { prefix: /, path: / }'), /more than one field/)
})

t.test('every route that is not for Latchkey asks the edge, which must answer', async t => {
  const { listeners, clusters } = parse(deployedFile('envoy.yaml')).static_resources
  const manager = listeners[0].filter_chains[0].filters[0].typed_config
  const [authorize, router] = manager.http_filters
  t.equal(router.name, 'envoy.filters.http.router', 'nothing else is before the router')
  t.match(authorize.typed_config, { failure_mode_allow: false, grpc_service: { envoy_grpc: { cluster_name: 'edge' } } })
  for (const host of manager.route_config.virtual_hosts)
    for (const route of host.routes) {
      const isOpen = [host, route].some(({ typed_per_filter_config: each }) => each?.[authorize.name]?.disabled)
      t.equal(isOpen, route.route.cluster === 'latchkey', JSON.stringify(route.match))
    }
  t.same(clusters.map(({ name }: { name: string }) => name).sort(), ['edge', 'latchkey', 'orders'])
})
