//! Connections.

use async_trait::async_trait;
use claimsmith_model::Connection;

use super::{KeyValue, Result, tenant::KvTenant};
use crate::ConnectionRepository;

#[async_trait]
impl<K: KeyValue> ConnectionRepository for KvTenant<K> {
    async fn connections(&self) -> Result<Vec<Connection>> {
        let mut all: Vec<Connection> = self.all(self.keys.connections()).await?;
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    async fn connection_by_name(&self, name: &str) -> Result<Option<Connection>> {
        self.get(&self.keys.connection(name))
    }

    async fn create_connection(&self, connection: &Connection) -> Result<()> {
        let key = self.keys.connection(&connection.name);
        self.create(key, connection, "a connection with this name")
            .await
    }
}
