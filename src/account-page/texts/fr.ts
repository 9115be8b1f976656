export const language = 'fr'
export const loading = 'Chargement…'
export const show = 'Afficher'
export const hide = 'Masquer'
export const cancel = 'Annuler'
export const save = 'Enregistrer'
export const tryAgain = 'Réessayer'
export const goOn = 'Continuer'

export const signIn = 'Se connecter'
export const signInName = 'E-mail ou nom d’utilisateur'
export const email = 'E-mail'
export const password = 'Mot de passe'
export const remember = 'Rester connecté'
export const rememberHint = 'À éviter sur un ordinateur partagé.'
export const createAccount = 'Créer un compte'
export const noAccount = 'Pas encore de compte\u202f?'
export const haveAccount = 'Vous avez déjà un compte\u202f?'
export const signedOut = 'Vous êtes déconnecté.'

export const currentPassword = 'Mot de passe actuel'
export const newPassword = 'Nouveau mot de passe'
export const passwordHint = (min: number) => `Au moins ${min} caractères. Une courte phrase convient bien.`
export const setPassword = 'Enregistrer'
export const resetTitle = 'Choisissez un nouveau mot de passe'
export const resetText = 'Vos autres appareils sont alors déconnectés, et vous êtes connecté ici.'
export const temporaryTitle = 'Choisissez votre propre mot de passe'
export const temporaryText = 'Votre mot de passe est provisoire. Pour vous connecter, choisissez le vôtre.'
export const changePassword = 'Changer de mot de passe'
export const changePasswordText = 'Tous vos autres appareils seront déconnectés.'
export const passwordChanged = 'Votre mot de passe a été changé.'

export const forgotPassword = 'Mot de passe oublié ?'
export const forgotText = 'Nous envoyons à votre adresse e-mail un lien pour un nouveau mot de passe.'
export const send = 'Envoyer'
export const letterTitle = 'Consultez votre messagerie'
export const letterSent =
  'Si cette adresse peut être utilisée, un message est en route. Utilisez le lien qu’il contient.'
export const confirm = 'Confirmer'
export const verifyTitle = 'Confirmez votre adresse e-mail'
export const verifyText = 'Ceci confirme que le message vous est parvenu. Si vous ne l’avez pas demandé, annulez.'
export const verified = 'Votre adresse e-mail est confirmée.'
export const emailTitle = 'Utiliser cette adresse e-mail'
export const emailText = 'Votre compte aura l’adresse à laquelle le message a été envoyé.'
export const emailChanged = 'Votre adresse e-mail a été modifiée.'
export const changeEmail = 'Changer d’adresse e-mail'
export const changeEmailText = (email: string) =>
  `Adresse actuelle\u00a0: ${email}. Le lien du message envoyé à la nouvelle la remplace.`
export const newEmail = 'Nouvelle adresse e-mail'
export const notConfirmed = 'Cette adresse n’est pas confirmée.'
export const sendLetter = 'Envoyer un message'
export const undoText = 'Votre compte reprend l’adresse à laquelle ce message a été envoyé.'
export const secureText =
  'Tous les appareils seront déconnectés et le mot de passe ne fonctionnera plus. Un message permettra d’en choisir un autre.'
export const allSignedOut = 'Tous les appareils sont déconnectés.'
export const passwordLetter = 'Un message pour un nouveau mot de passe est en route.'

export const yourAccount = 'Votre compte'
export const roles = 'Rôles'
export const signOut = 'Se déconnecter'
export const signOutEverywhere = 'Se déconnecter partout'
export const signOutEverywhereText = 'Toutes les sessions se terminent, y compris celle de cet appareil.'

export const sessions = 'Appareils connectés'
export const thisDevice = 'Cet appareil'
export const device = (browser: string, os: string) => `${browser} sur ${os}`
export const unknownDevice = 'Appareil inconnu'
export const lastActive = (when: string) => `Dernière activité ${when}`
export const activeNow = 'Actif maintenant'
export const rename = 'Renommer'
export const renameDevice = (device: string) => `Renommer ${device}`
export const deviceName = 'Nom de l’appareil'
export const renamed = 'Le nom a été enregistré.'
export const end = 'Déconnecter'
export const endDevice = (device: string) => `Déconnecter ${device}`
export const ended = (device: string) => `${device} est déconnecté.`
export const endOthers = 'Déconnecter les autres appareils'
export const endOthersText = 'Toutes les sessions se terminent, sauf celle de cet appareil.'
export const othersEnded = 'Tous les autres appareils sont déconnectés.'
export const onlyThis = 'Vous êtes connecté uniquement sur cet appareil.'

export const oldLists = 'Les listes ci-dessous ne sont peut-être plus à jour.'
export const justNow = 'à l’instant'
export const activity = 'Activité récente'
export const noActivity = 'Aucune activité pour le moment.'
export const loadMore = 'Afficher plus'
export const moreLoaded = (count: number) => `Événements ajoutés\u00a0: ${count}`
export const byAdministrator = 'par un administrateur'
export const deviceEnded = (device: string) => `${device} a été déconnecté`
export const withDetail = (sentence: string, detail: string) => `${sentence}\u00a0: ${detail}`
export const fromDevice = (device: string) => `depuis ${device}`
export const notMe = 'Ce n’était pas moi'
export const notMeTitle = 'Si ce n’était pas vous'
export const notMeText =
  'Quelqu’un connaît peut-être votre mot de passe. Déconnectez d’abord les autres appareils, ' +
  'puis choisissez un nouveau mot de passe.'
export const notMeDone = 'Choisissez maintenant un mot de passe que personne d’autre ne connaît.'
export const notMeStopped =
  'Votre mot de passe n’a pas changé\u00a0: utilisez «\u00a0Changer de mot de passe\u00a0» ci-dessus.'

export const yourData = 'Vos données'
export const download = 'Télécharger vos données'
export const deleteAccount = 'Supprimer le compte'
export const deleteText = (duration: string) =>
  `Tous vos appareils seront déconnectés et le compte sera supprimé dans ${duration}. Une connexion avant cela le conserve.`
export const deleteNowText =
  'Tous vos appareils seront déconnectés et le compte sera supprimé aussitôt, sans retour possible.'
export const deletionPlanned = (date: string) =>
  `Votre compte sera supprimé le ${date}. Pour le conserver, connectez-vous avant.`
export const deleted = 'Votre compte a été supprimé.'
export const deletionCancelled = 'Vous vous êtes connecté\u00a0: votre compte ne sera pas supprimé.'

export const required = 'Remplissez ce champ.'
export const wrongPassword = 'Ce n’est pas votre mot de passe actuel.'
export const wait = (duration: string) => `Trop de tentatives. Réessayez dans ${duration}.`
export const offline = 'Pas de connexion. Vérifiez votre réseau, puis réessayez.'
export const unavailable = 'Le service est indisponible. Réessayez dans une minute.'
export const kept = 'Votre saisie est conservée.'
export const unexpected = 'Une erreur s’est produite. Réessayez.'

const oldLink = 'Ce lien n’est plus valable. Demandez-en un nouveau.'

export const errors = {
  invalid_credentials: 'Le nom ou le mot de passe est incorrect.',
  email_taken: 'Il existe déjà un compte avec cet e-mail. Connectez-vous.',
  invalid_email: 'Ce n’est pas une adresse e-mail.',
  password_blank: 'Le mot de passe ne doit pas contenir seulement des espaces.',
  password_too_short: 'Le mot de passe est trop court\u00a0: au moins {min} caractères.',
  password_too_long: 'Le mot de passe est trop long\u00a0: au plus 256 caractères.',
  password_is_email: 'Le mot de passe ne peut pas être votre adresse e-mail.',
  password_too_common: 'Un attaquant essaie ce mot de passe parmi les premiers. Choisissez-en un autre.',
  password_unchanged: 'C’est déjà votre mot de passe.',
  reset_token_invalid: oldLink,
  letter_token_invalid: oldLink,
  letters_not_sent: 'Aucun message ne peut partir. Demandez de l’aide à un administrateur.',
  registration_closed: 'Seuls les administrateurs peuvent créer des comptes.',
  registration_refused: 'Vous ne pouvez pas créer de compte ici.',
  too_many_sessions: 'Vous êtes connecté sur trop d’appareils. Déconnectez-en d’abord un.',
  session_not_found: 'Cette session est déjà terminée.',
  cross_site_request: 'Le service refuse les requêtes de cette page. Ouvrez-la à son adresse habituelle.',
}

export const events = {
  registered: 'Vous avez créé le compte',
  user_created: 'Le compte a été créé',
  signed_in: 'Connexion',
  sign_in_failed: 'Une connexion a été refusée',
  signed_out: 'Déconnexion',
  session_revoked: 'Un appareil a été déconnecté',
  session_expired: 'Une session s’est terminée',
  refresh_replayed: 'Un appareil a répété une requête sans réponse',
  refresh_recovered: 'Un appareil est resté connecté après une panne du service',
  refresh_superseded: 'Une ancienne clé d’une session a été refusée',
  refresh_token_reused: 'Une session s’est terminée\u00a0: sa clé a peut-être été copiée',
  refresh_token_unknown: 'Une clé sans session a été refusée',
  password_changed: 'Le mot de passe a été changé',
  password_reset_issued: 'Un lien pour un nouveau mot de passe a été envoyé',
  password_reset: 'Le mot de passe a été changé avec un lien',
  roles_changed: 'Les rôles ont été modifiés',
  claims_changed: 'Les informations pour les services ont été modifiées',
  email_changed: 'L’adresse e-mail a été modifiée',
  username_changed: 'Le nom d’utilisateur a été modifié',
  everyone_signed_out: 'Tout le monde a été déconnecté',
  user_disabled: 'Le compte a été désactivé',
  user_enabled: 'Le compte a été réactivé',
  account_locked: 'Trop de mots de passe incorrects\u00a0: nouveaux appareils bloqués un moment',
  temporary_password_set: 'Un mot de passe provisoire a été attribué',
  sessions_revoked: 'Tous les appareils ont été déconnectés',
  token_revoked: 'L’accès d’un service a été révoqué',
  account_secured: 'Le compte a été protégé après la réponse « Ce n’était pas moi »',
  account_deletion_requested: 'Vous avez demandé la suppression du compte',
  account_deletion_cancelled: 'Le compte est conservé\u00a0: sa suppression a été annulée',
  account_exported: 'Les données du compte ont été téléchargées',
  letter: 'Un message a été envoyé au sujet de ce compte',
  email_verified: 'L’adresse e-mail a été confirmée',
}
export const eventDetails = {
  new_device: 'sur un nouvel appareil',
  idle: 'elle est restée longtemps inutilisée',
  max_age: 'elle a atteint sa durée maximale',
  too_many_sessions: 'il y avait trop de sessions',
  others: 'sur tous les autres appareils',
  all: 'sur tous les appareils',
}
