export const language = 'es'
export const loading = 'Cargando…'
export const show = 'Mostrar'
export const hide = 'Ocultar'
export const cancel = 'Cancelar'
export const save = 'Guardar'
export const tryAgain = 'Reintentar'
export const goOn = 'Continuar'

export const signIn = 'Iniciar sesión'
export const signInName = 'Correo electrónico o nombre de usuario'
export const email = 'Correo electrónico'
export const password = 'Contraseña'
export const remember = 'Mantener la sesión abierta'
export const rememberHint = 'No lo marque en un equipo compartido.'
export const createAccount = 'Crear una cuenta'
export const noAccount = '¿Aún no tiene cuenta?'
export const haveAccount = '¿Ya tiene una cuenta?'
export const signedOut = 'Se ha cerrado la sesión.'

export const currentPassword = 'Contraseña actual'
export const newPassword = 'Contraseña nueva'
export const passwordHint = (min: number) => `Al menos ${min} caracteres. Una frase corta es una buena opción.`
export const setPassword = 'Guardar contraseña'
export const resetTitle = 'Elija una contraseña nueva'
export const resetText = 'Al guardarla, se cierra la sesión en todos sus dispositivos y se inicia aquí.'
export const temporaryTitle = 'Elija su propia contraseña'
export const temporaryText = 'Su contraseña es temporal. Para iniciar sesión, elija una propia.'
export const changePassword = 'Cambiar contraseña'
export const changePasswordText = 'Se cerrará la sesión en todos los demás dispositivos.'
export const passwordChanged = 'Se ha cambiado la contraseña.'

export const forgotPassword = '¿Olvidó su contraseña?'
export const forgotText = 'Enviamos a su correo electrónico un enlace para elegir una contraseña nueva.'
export const send = 'Enviar'
export const letterTitle = 'Revise su correo'
export const letterSent = 'Si se puede usar esta dirección, un mensaje está en camino. Use el enlace que contiene.'
export const confirm = 'Confirmar'
export const verifyTitle = 'Confirme su correo electrónico'
export const verifyText = 'Esto confirma que el mensaje le ha llegado. Si no lo pidió, cancele.'
export const verified = 'Su correo electrónico está confirmado.'
export const emailTitle = 'Usar este correo electrónico'
export const emailText = 'Su cuenta tendrá la dirección a la que se envió el mensaje.'
export const emailChanged = 'Su correo electrónico ha cambiado.'
export const changeEmail = 'Cambiar correo electrónico'
export const changeEmailText = (email: string) =>
  `Dirección actual: ${email}. Cambia cuando use el enlace del mensaje enviado a la nueva.`
export const newEmail = 'Correo electrónico nuevo'
export const notConfirmed = 'Esta dirección no está confirmada.'
export const sendLetter = 'Enviar un mensaje'
export const undoText = 'Su cuenta vuelve a tener la dirección a la que se envió este mensaje.'
export const secureText =
  'Se cerrará la sesión en todos los dispositivos y la contraseña dejará de funcionar. Recibirá un mensaje para elegir otra.'
export const allSignedOut = 'Se ha cerrado la sesión en todos los dispositivos.'
export const passwordLetter = 'Un mensaje para una contraseña nueva está en camino.'

export const yourAccount = 'Su cuenta'
export const roles = 'Roles'
export const signOut = 'Cerrar sesión'
export const signOutEverywhere = 'Cerrar todas las sesiones'
export const signOutEverywhereText = 'Se cerrarán todas las sesiones de su cuenta, incluida la de este dispositivo.'

export const sessions = 'Dispositivos con sesión abierta'
export const thisDevice = 'Este dispositivo'
export const device = (browser: string, os: string) => `${browser} en ${os}`
export const unknownDevice = 'Dispositivo desconocido'
export const lastActive = (when: string) => `Última actividad: ${when}`
export const activeNow = 'Activo ahora'
export const rename = 'Cambiar nombre'
export const renameDevice = (device: string) => `Cambiar el nombre de ${device}`
export const deviceName = 'Nombre del dispositivo'
export const renamed = 'Se ha guardado el nombre.'
export const end = 'Cerrar sesión'
export const endDevice = (device: string) => `Cerrar sesión en ${device}`
export const ended = (device: string) => `Se ha cerrado la sesión en ${device}.`
export const endOthers = 'Cerrar las demás sesiones'
export const endOthersText = 'Se cerrarán todas las sesiones, salvo la de este dispositivo.'
export const othersEnded = 'Se ha cerrado la sesión en todos los demás dispositivos.'
export const onlyThis = 'Solo tiene la sesión abierta en este dispositivo.'

export const oldLists = 'Es posible que las listas siguientes no estén actualizadas.'
export const justNow = 'ahora mismo'
export const activity = 'Actividad reciente'
export const noActivity = 'Todavía no hay actividad.'
export const loadMore = 'Mostrar más'
export const moreLoaded = (count: number) => `Eventos añadidos: ${count}`
export const byAdministrator = 'por un administrador'
export const deviceEnded = (device: string) => `Se cerró la sesión en ${device}`
export const withDetail = (sentence: string, detail: string) => `${sentence}: ${detail}`
export const fromDevice = (device: string) => `desde ${device}`
export const notMe = 'No fui yo'
export const notMeTitle = 'Si no fue usted'
export const notMeText =
  'Es posible que otra persona conozca su contraseña. Primero, cierre la sesión en los demás dispositivos: ' +
  'el efecto es inmediato. Después, elija una contraseña nueva.'
export const notMeDone = 'Ahora elija una contraseña nueva que nadie más conozca.'
export const notMeStopped = 'Su contraseña no ha cambiado: use «Cambiar contraseña» más arriba.'

export const yourData = 'Sus datos'
export const download = 'Descargar sus datos'
export const deleteAccount = 'Eliminar la cuenta'
export const deleteText = (duration: string) =>
  `Se cerrará la sesión en todos sus dispositivos y la cuenta se eliminará dentro de ${duration}. Si inicia sesión antes, se conserva.`
export const deleteNowText =
  'Se cerrará la sesión en todos sus dispositivos y la cuenta se eliminará ahora mismo. Nadie podrá recuperarla.'
export const deletionPlanned = (date: string) =>
  `Su cuenta se eliminará el ${date}. Para conservarla, inicie sesión antes.`
export const deleted = 'Su cuenta se ha eliminado.'
export const deletionCancelled = 'Ha iniciado sesión: su cuenta no se eliminará.'

export const required = 'Rellene este campo.'
export const wrongPassword = 'Esta no es su contraseña actual.'
export const wait = (duration: string) => `Demasiados intentos. Inténtelo de nuevo dentro de ${duration}.`
export const offline = 'No hay conexión. Compruebe su red e inténtelo de nuevo.'
export const unavailable = 'El servicio no está disponible. Inténtelo de nuevo dentro de un minuto.'
export const kept = 'Se conserva lo que ha escrito.'
export const unexpected = 'Algo ha fallado. Inténtelo de nuevo.'

const oldLink = 'Este enlace ya no es válido. Pida uno nuevo.'

export const errors = {
  invalid_credentials: 'El nombre o la contraseña no son correctos.',
  email_taken: 'Ya existe una cuenta con este correo electrónico. Inicie sesión.',
  invalid_email: 'Esta no es una dirección de correo electrónico.',
  password_blank: 'La contraseña debe tener caracteres visibles, no solo espacios.',
  password_too_short: 'La contraseña es demasiado corta: al menos {min} caracteres.',
  password_too_long: 'La contraseña es demasiado larga: como máximo 256 caracteres.',
  password_is_email: 'La contraseña no puede ser su correo electrónico.',
  password_too_common: 'Esta contraseña está entre las primeras que prueba un atacante. Elija otra.',
  password_unchanged: 'Esta ya es su contraseña.',
  reset_token_invalid: oldLink,
  letter_token_invalid: oldLink,
  letters_not_sent: 'No se puede enviar ningún mensaje. Pida ayuda a un administrador.',
  registration_closed: 'Solo los administradores pueden crear cuentas.',
  registration_refused: 'No puede crear una cuenta aquí.',
  too_many_sessions: 'Tiene la sesión abierta en demasiados dispositivos. Ciérrela primero en uno de ellos.',
  session_not_found: 'Esta sesión ya ha terminado.',
  cross_site_request: 'El servicio no acepta solicitudes de esta página. Ábrala en su dirección habitual.',
}

export const events = {
  registered: 'Usted creó la cuenta',
  user_created: 'Se creó la cuenta',
  signed_in: 'Inicio de sesión',
  sign_in_failed: 'Se rechazó un inicio de sesión',
  signed_out: 'Cierre de sesión',
  session_revoked: 'Se cerró la sesión de un dispositivo',
  session_expired: 'Terminó una sesión',
  refresh_replayed: 'Un dispositivo repitió una solicitud sin respuesta',
  refresh_recovered: 'Un dispositivo mantuvo la sesión tras una interrupción del servicio',
  refresh_superseded: 'Se rechazó una clave antigua de una sesión',
  refresh_token_reused: 'Terminó una sesión porque es posible que alguien copiara su clave',
  refresh_token_unknown: 'Se rechazó una clave sin sesión',
  password_changed: 'Se cambió la contraseña',
  password_reset_issued: 'Se envió un enlace para elegir una contraseña nueva',
  password_reset: 'Se eligió una contraseña nueva con un enlace',
  roles_changed: 'Se cambiaron los roles',
  claims_changed: 'Se cambió la información para los servicios',
  email_changed: 'Se cambió el correo electrónico',
  username_changed: 'Se cambió el nombre de usuario',
  everyone_signed_out: 'Se cerró la sesión de todos los usuarios',
  user_disabled: 'Se desactivó la cuenta',
  user_enabled: 'Se volvió a activar la cuenta',
  account_locked:
    'Demasiadas contraseñas incorrectas: los dispositivos nuevos no pueden iniciar sesión durante un tiempo',
  temporary_password_set: 'Se asignó una contraseña temporal',
  sessions_revoked: 'Se cerró la sesión en todos los dispositivos',
  token_revoked: 'Se revocó el acceso de un servicio',
  account_secured: 'La cuenta se protegió tras la respuesta «No fui yo»',
  account_deletion_requested: 'Solicitó la eliminación de la cuenta',
  account_deletion_cancelled: 'La cuenta se conserva: su eliminación se canceló',
  account_exported: 'Se descargaron los datos de la cuenta',
  letter: 'Se ha enviado un mensaje sobre esta cuenta',
  email_verified: 'El correo electrónico se ha confirmado',
}
export const eventDetails = {
  new_device: 'desde un dispositivo nuevo',
  idle: 'no se usó durante mucho tiempo',
  max_age: 'alcanzó su duración máxima',
  too_many_sessions: 'había demasiadas sesiones',
  others: 'en todos los demás dispositivos',
  all: 'en todos los dispositivos',
}
