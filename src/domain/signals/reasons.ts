import type { SecurityEvent } from '../../postgres/security-events.js'

/** The same text in several languages, by BCP 47 tag. */
type Localised = Readonly<Record<string, string>>

/** Why something happened: for the log of the receiver, and for the person whom it concerns. */
export interface Reason {
  reason_admin: Localised
  reason_user: Localised
}

const reason = (admin: string, en: string, fr: string, es: string): Reason => ({
  reason_admin: { en: admin },
  reason_user: { en, fr, es },
})

const REASONS = {
  signed_out: reason(
    'The user signed out of this session.',
    'You signed out.',
    'Vous vous êtes déconnecté.',
    'Ha cerrado la sesión.',
  ),
  signed_out_everywhere: reason(
    'The user signed out on all devices.',
    'You signed out on all devices.',
    'Vous vous êtes déconnecté de tous vos appareils.',
    'Ha cerrado la sesión en todos sus dispositivos.',
  ),
  ended_by_user: reason(
    'The user ended this session from another one.',
    'You signed out this device from another one.',
    'Vous avez déconnecté cet appareil depuis un autre.',
    'Ha cerrado la sesión de este dispositivo desde otro.',
  ),
  ended_by_administrator: reason(
    'An administrator or a service ended the session or all sessions of the user.',
    'An administrator signed you out.',
    'Un administrateur vous a déconnecté.',
    'Un administrador ha cerrado su sesión.',
  ),
  client_removed: reason(
    'The client that opened the session was removed.',
    'The application that you signed in with was removed.',
    'L’application avec laquelle vous vous êtes connecté a été supprimée.',
    'La aplicación con la que inició la sesión se ha eliminado.',
  ),
  too_many_sessions: reason(
    'The user reached the limit of sessions, and this was the oldest one.',
    'You signed in on too many devices, and this was the oldest sign-in.',
    'Vous étiez connecté sur trop d’appareils, et cette connexion était la plus ancienne.',
    'Inició sesión en demasiados dispositivos, y esta sesión era la más antigua.',
  ),
  refresh_token_reused: reason(
    'A superseded refresh token was presented again: two parties had tokens of the session.',
    'Somebody may have copied the key of this session.',
    'Quelqu’un a peut-être copié la clé de cette session.',
    'Es posible que alguien haya copiado la clave de esta sesión.',
  ),
  everyone_signed_out: reason(
    'An administrator ended all sessions of all users.',
    'Everyone was signed out.',
    'Tout le monde a été déconnecté.',
    'Se cerró la sesión de todos los usuarios.',
  ),
  password_changed: reason(
    'The user changed the password.',
    'Your password was changed.',
    'Votre mot de passe a été modifié.',
    'Su contraseña ha cambiado.',
  ),
  password_reset: reason(
    'The user set a new password with a one-time token.',
    'A new password was set with a link.',
    'Un nouveau mot de passe a été défini avec un lien.',
    'Se estableció una contraseña nueva con un enlace.',
  ),
  temporary_password_set: reason(
    'An administrator replaced the password with a temporary one.',
    'An administrator set a temporary password.',
    'Un administrateur a défini un mot de passe temporaire.',
    'Un administrador estableció una contraseña temporal.',
  ),
  account_secured: reason(
    'The user said that somebody else had signed in or changed the password: no password matches any more.',
    'You said that it was not you, so you were signed out and need a new password.',
    'Vous avez indiqué que ce n’était pas vous : vous avez été déconnecté et devez choisir un nouveau mot de passe.',
    'Indicó que no había sido usted: se cerraron sus sesiones y necesita una contraseña nueva.',
  ),
  account_deletion_requested: reason(
    'The user asked for the deletion of the account, which ended all sessions.',
    'You asked for the deletion of your account.',
    'Vous avez demandé la suppression de votre compte.',
    'Ha solicitado la eliminación de su cuenta.',
  ),
  roles_changed: reason(
    'An administrator changed the roles of the user.',
    'Your roles were changed.',
    'Vos rôles ont été modifiés.',
    'Sus roles han cambiado.',
  ),
  email_changed: reason(
    'An administrator changed the e-mail address of the account.',
    'Your e-mail address was changed.',
    'Votre adresse e-mail a été modifiée.',
    'Su dirección de correo ha cambiado.',
  ),
  user_disabled: reason(
    'An administrator disabled the account.',
    'Your account was disabled.',
    'Votre compte a été désactivé.',
    'Su cuenta se ha desactivado.',
  ),
  user_enabled: reason(
    'An administrator enabled the account.',
    'Your account was enabled.',
    'Votre compte a été activé.',
    'Su cuenta se ha activado.',
  ),
  user_deleted: reason(
    'An administrator deleted the account.',
    'Your account was deleted.',
    'Votre compte a été supprimé.',
    'Su cuenta se ha eliminado.',
  ),
  deleted_by_owner: reason(
    'The account was deleted, as its user had asked.',
    'Your account was deleted, as you had asked.',
    'Votre compte a été supprimé, comme vous l’aviez demandé.',
    'Su cuenta se ha eliminado, como había solicitado.',
  ),
} satisfies Record<string, Reason>

/** Why the event happened. */
export function reasonOf({ type, actor, details }: SecurityEvent): Reason {
  switch (type) {
    case 'signed_out':
      return details?.scope === 'all' ? REASONS.signed_out_everywhere : REASONS.signed_out
    case 'session_revoked':
      if (details?.reason === 'too_many_sessions') return REASONS.too_many_sessions
      if (details?.reason === 'client_removed') return REASONS.client_removed
      return actor === 'user' ? REASONS.ended_by_user : REASONS.ended_by_administrator
    case 'user_deleted':
      return actor === 'user' ? REASONS.deleted_by_owner : REASONS.user_deleted
    default:
      return type in REASONS ? REASONS[type as keyof typeof REASONS] : REASONS.ended_by_administrator
  }
}
