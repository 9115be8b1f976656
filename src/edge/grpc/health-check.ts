import { type ServerUnaryCall, type ServiceDefinition, type sendUnaryData, status } from '@grpc/grpc-js'
import { fromJSON } from '@grpc/proto-loader'

interface HealthRequest {
  /** Empty for the whole process. */
  readonly service?: string
}

interface HealthResponse {
  readonly status: number
}

/** The part of `grpc.health.v1` that Envoy and Kubernetes use: `Check`, without `Watch`. On the wire, its enum is a number. */
const HEALTH = {
  Health: { methods: { Check: { requestType: 'HealthRequest', responseType: 'HealthResponse', comment: '' } } },
  HealthRequest: { fields: { service: { type: 'string', id: 1 } } },
  HealthResponse: { fields: { status: { type: 'int32', id: 1 } } },
}

const SERVING = 1
const NOT_SERVING = 2

/** The service by which Envoy and Kubernetes ask whether the edge is ready, `grpc.health.v1.Health`. */
export const HEALTH_CHECK = fromJSON({
  nested: { grpc: { nested: { health: { nested: { v1: { nested: HEALTH } } } } } },
})['grpc.health.v1.Health'] as ServiceDefinition

/** Answers as `GET /readyz` does, for the process and for its service. */
export function healthCheckOf(serviceName: string, isReady: () => boolean) {
  return {
    Check(
      { request: { service = '' } }: ServerUnaryCall<HealthRequest, HealthResponse>,
      done: sendUnaryData<HealthResponse>,
    ) {
      if (service === '' || service === serviceName) done(null, { status: isReady() ? SERVING : NOT_SERVING })
      else done({ code: status.NOT_FOUND, details: `The only service is ${serviceName}.` })
    },
  }
}
