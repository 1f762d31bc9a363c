// Drawings that outlive the page: kept in the browser's IndexedDB, or, where it refuses, only here.

const STORE = 'drawings';

/** Opens the store of a name. Where the browser has none, what it gives keeps nothing: `refused`. */
export async function openStore(name) {
  try {
    const database = await answer(openDatabase(name));
    navigator.storage?.persist?.().catch(() => {}); // or the browser may clear it when space is short
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

/** Records by their `key_id`. */
class Store {
  constructor(database, refused = '') {
    this.database = database;
    this.refused = refused;
  }

  /** All records; none where the browser keeps none. */
  async all() {
    return this.database ? answer(this.records('readonly').getAll()) : [];
  }

  /** Keeps records, all or none; gives why it could not, or ''. */
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
    request.onblocked = () => reject(new Error('another tab holds an older version'));
  });
}

function reasonOf(error) {
  if (error?.name === 'QuotaExceededError') return 'its store is full';
  return error?.message || 'its store cannot be opened';
}
