//! Accounts: who a player is. Keeps them in an SQLite file, checks passwords on a pool of threads of its own.
