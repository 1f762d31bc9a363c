// Stores drawings in the browser's IndexedDB, so that they outlive the page.

const STORE = 'drawings';

/** Opens a store by name; if the browser refuses, nothing is stored and `refused` says why. */
export async function openStore(name) {
  try {
    const database = await answer(openDatabase(name));
    navigator.storage?.persist?.().catch(() => {}); // or the browser may clear the store
    return new Store(database);
  } catch (error) {
    return new Store(null, reasonOf(error));
  }
}

function openDatabase(name) {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, {keyPath: 'key_id'});
  return request;
}

/** A store of records, keyed by `key_id`. */
class Store {
  constructor(database, refused = '') {
    this.database = database;
    this.refused = refused;
  }

  /** Returns all stored records. */
  async all() {
    return this.database ? answer(this.records('readonly').getAll()) : [];
  }

  /** Writes all records or none; returns the reason if that fails, else ''. */
  putAll(all) {
    return this.change((records) => all.forEach((record) => records.put(record)));
  }

  remove(key) {
    return this.change((records) => records.delete(key));
  }

  async change(work) {
    if (!this.database) return this.refused;
    try {
      const records = this.records('readwrite');
      work(records);
      await new Promise((resolve, reject) => {
        records.transaction.oncomplete = resolve;
        records.transaction.onabort = () => reject(records.transaction.error);
      });
      return '';
    } catch (error) {
      return reasonOf(error);
    }
  }

  records(mode) {
    return this.database.transaction(STORE, mode).objectStore(STORE);
  }
}

function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error('another tab has an older version of its storage open'));
  });
}

function reasonOf(error) {
  if (error?.name === 'QuotaExceededError') return 'its storage is full';
  return error?.message || 'its storage cannot be opened';
}
