// api.js - requests to the hub. A refusal is an ApiError with the hub's own words.

import { set } from './store.js';

export class ApiError extends Error {
  constructor(status, { code, message, details } = {}, body = null) {
    super(message || `The hub answers ${status}.`);
    this.status = status;
    this.body = body; // all that the hub said
    this.code = code || 'http_' + status;
    this.details = details || [];
  }
}

// `type`: the body is text of that type as it stands, else it becomes JSON.
export async function request(method, path, body, type) {
  let reply;
  try {
    reply = await fetch(path, {
      method,
      headers: body === undefined ? {} : { 'content-type': type || 'application/json' },
      body: body === undefined || type ? body : JSON.stringify(body),
    });
  } catch {
    throw new ApiError(0, { code: 'offline', message: 'No answer from the hub. Nothing was changed.' });
  }
  const value = await reply.json().catch(() => null);
  if (reply.status === 401 && path !== '/api/auth/login') set('auth', 'needed');
  if (value && value.error && value.error.code === 'password_change_required') set('auth', 'change');
  if (!reply.ok) throw new ApiError(reply.status, (value && (value.error || value)) || {}, value);
  return value;
}

export const get = (path) => request('GET', path);
export const post = (path, body, type) => request('POST', path, body, type);
export const remove = (path) => request('DELETE', path);
export const put = (path, body) => request('PUT', path, body);
