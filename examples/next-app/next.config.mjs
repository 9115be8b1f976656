const latchkey = process.env.LATCHKEY_URL ?? process.env.LATCHKEY_ISSUER ?? 'http://localhost:3000'

export default {
  // The browser signs in at the same origin, so that its cookies reach both. In production a gateway does this.
  rewrites: async () => [{ source: '/auth/:path*', destination: `${latchkey}/auth/:path*` }],
}
