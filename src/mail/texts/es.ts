import type { MailTexts } from './mail-texts.js'

const valid = 'El enlace funciona una sola vez, hasta el {{expires}}.'
const where = 'Fecha: {{time}}. Dispositivo: {{device}}. Dirección IP: {{ip}}.'
const ended =
  'Se cerrará la sesión en todos los dispositivos, y recibirá otro mensaje para elegir una contraseña nueva.'

export const es: MailTexts = {
  unknown: 'desconocido',
  colon: ':',
  device: (browser, os) => `${browser} en ${os}`,
  letters: {
    letter_password_reset: {
      subject: 'Elija una contraseña nueva',
      before: ['Alguien ha pedido una contraseña nueva para su cuenta de {{name}}.', where],
      action: 'Elegir una contraseña nueva',
      after: [valid, 'Si no fue usted, ignore este mensaje: nada cambia si no se usa el enlace.'],
    },
    letter_registration: {
      subject: 'Confirme su correo electrónico',
      before: ['Alguien quiere crear una cuenta de {{name}} con este correo electrónico.', where],
      action: 'Crear la cuenta',
      after: [
        valid,
        'Si no fue usted, ignore este mensaje y no use el enlace: la cuenta tendría la contraseña de otra persona.',
      ],
    },
    letter_account_exists: {
      subject: 'Ya tiene una cuenta',
      before: [
        'Alguien ha querido usar este correo electrónico para otra cuenta de {{name}}. Usted ya tiene una.',
        where,
      ],
      action: 'Iniciar sesión',
      after: ['Si no conoce su contraseña, pida allí una nueva. Si no fue usted, ignore este mensaje.'],
    },
    letter_verify_email: {
      subject: 'Confirme su correo electrónico',
      before: ['Confirme que este es el correo electrónico de su cuenta de {{name}}.'],
      action: 'Confirmar el correo',
      after: [valid],
    },
    letter_confirm_email: {
      subject: 'Confirme su nuevo correo electrónico',
      before: ['Alguien quiere usar este correo electrónico para una cuenta de {{name}}.', where],
      action: 'Usar este correo',
      after: [valid, 'Si no fue usted, ignore este mensaje y no use el enlace.'],
    },
    letter_email_changed: {
      subject: 'Su correo electrónico ha cambiado',
      before: ['Su cuenta de {{name}} tiene ahora otro correo electrónico.', where],
      action: 'No fui yo',
      after: [`Si no fue usted, use el enlace. La cuenta volverá a tener este correo. ${ended}`, valid],
    },
    letter_new_device: {
      subject: 'Inicio de sesión desde un dispositivo nuevo',
      before: [
        'Alguien ha iniciado sesión en su cuenta de {{name}} desde un dispositivo que no se había usado antes.',
        where,
      ],
      action: 'No fui yo',
      after: [`Si no fue usted, use el enlace. ${ended}`, valid],
    },
    letter_password_changed: {
      subject: 'Su contraseña ha cambiado',
      before: ['La contraseña de su cuenta de {{name}} ha cambiado.', where],
      action: 'No fui yo',
      after: [`Si no fue usted, use el enlace. ${ended}`, valid],
    },
    letter_deletion_requested: {
      subject: 'Su cuenta se eliminará',
      before: [
        'Alguien ha solicitado la eliminación de su cuenta de {{name}}. Se eliminará el {{deletion}}.',
        where,
        'Para conservar la cuenta, inicie sesión antes de esa fecha.',
      ],
      action: 'No fui yo',
      after: [`Si no fue usted, use el enlace. La cuenta se conservará. ${ended}`, valid],
    },
  },
}
