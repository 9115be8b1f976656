import type { EventPage, ListedEvent } from '../../domain/events.js'
import type { EventView } from '../plugins/schemas.js'

export function eventPageView({ events, next }: EventPage): { events: EventView[]; next: string | null } {
  return { events: events.map(eventView), next }
}

function eventView(event: ListedEvent): EventView {
  return {
    id: event.id,
    at: event.at.toISOString(),
    type: event.type,
    session_id: event.sessionId,
    actor: event.actor,
    ip: event.ip,
    user_agent: event.userAgent,
    device: event.device,
    details: event.details ?? {},
  }
}
