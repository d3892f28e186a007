// ws_server.mjs - the server half of a WebSocket (RFC 6455), text frames in, text and binary ones out, for the mock hub.

import { createHash } from 'node:crypto';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

// Answers the upgrade and calls `onText(text)`; gives {send(text), sendBytes(bytes), close()}.
export function accept(request, socket, onText, onClose) {
  const key = createHash('sha1').update(request.headers['sec-websocket-key'] + GUID).digest('base64');
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${key}\r\n\r\n`);
  let held = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    held = Buffer.concat([held, chunk]);
    for (let frame = read(held); frame; frame = read(held)) {
      held = held.subarray(frame.bytes);
      if (frame.opcode === 1) onText(frame.payload.toString());
      else if (frame.opcode === 8) socket.end(write(8, frame.payload));
      else if (frame.opcode === 9) socket.write(write(10, frame.payload));
    }
  });
  socket.on('close', onClose);
  socket.on('error', () => socket.destroy());
  return {
    send: (text) => socket.writable && socket.write(write(1, Buffer.from(text))),
    sendBytes: (bytes) => socket.writable && socket.write(write(2, Buffer.from(bytes))),
    close: () => socket.destroy(),
  };
}

function read(buffer) {
  if (buffer.length < 2) return null;
  let at = 2;
  let length = buffer[1] & 127;
  if (length === 126) {
    if (buffer.length < 4) return null;
    length = buffer.readUInt16BE(2);
    at = 4;
  } else if (length === 127) {
    if (buffer.length < 10) return null;
    length = Number(buffer.readBigUInt64BE(2));
    at = 10;
  }
  const mask = buffer[1] & 128 ? buffer.subarray(at, at + 4) : null;
  if (mask) at += 4;
  if (buffer.length < at + length) return null;
  const payload = Buffer.from(buffer.subarray(at, at + length));
  if (mask) for (let i = 0; i < length; i++) payload[i] ^= mask[i & 3];
  return { opcode: buffer[0] & 15, payload, bytes: at + length };
}

function write(opcode, payload) {
  const n = payload.length;
  const head = n < 126 ? Buffer.from([0x80 | opcode, n])
    : n < 65536 ? Buffer.from([0x80 | opcode, 126, n >> 8, n & 255])
      : Buffer.concat([Buffer.from([0x80 | opcode, 127, 0, 0, 0, 0]), Buffer.from([n >>> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255])]);
  return Buffer.concat([head, payload]);
}
