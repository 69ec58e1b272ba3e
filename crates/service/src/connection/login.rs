//! Finding out whether somebody is who they say, through a connection.

use claimsmith_model::{
    Client, Connection, CustomDatabase, ExecutionId, Fault, FaultKind, GrantType, RequestOrigin,
    Secret, User, UserId,
};
use claimsmith_runtime::{ScriptAnswer, ScriptCall};

use super::{
    profile::{Kept, Profile, keep},
    script::{self, Caller},
};
use crate::{
    ServiceError, Services, TenantContext, TooManyAttempts,
    password::{PASSWORD_BYTES_MAX, VerifyError},
};

/// The longest identifier that a script is asked for, in bytes: four times what an email
/// address may have.
const IDENTIFIER_BYTES_MAX: usize = 1_024;

/// Somebody who wants to log in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoginAttempt<'a> {
    pub(crate) client: &'a Client,
    pub(crate) grant: GrantType,
    pub(crate) connection: &'a Connection,
    /// An email address or a user name, as it was typed.
    pub(crate) identifier: &'a str,
    pub(crate) password: &'a Secret,
    /// The address that it comes from.
    pub(crate) ip: &'a str,
}

/// Somebody who proved who they are.
#[derive(Debug)]
pub(crate) struct LoggedIn {
    pub(crate) user: User,
    /// The run of the script that let them in; none in the server's own database.
    pub(crate) execution_id: Option<ExecutionId>,
}

/// Why somebody is not let in. What the client is told must not tell a wrong password
/// from an unknown user.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    #[error("the client is not enabled on the connection {connection}")]
    ClientNotEnabled { connection: String },
    #[error(transparent)]
    TooManyAttempts(#[from] TooManyAttempts),
    #[error("the password is wrong")]
    WrongPassword {
        execution_id: Option<ExecutionId>,
        /// Whose it isn't; a script doesn't say.
        user_id: Option<UserId>,
    },
    #[error("there is no such user")]
    UnknownUser { execution_id: Option<ExecutionId> },
    #[error("the user is blocked")]
    UserBlocked {
        execution_id: Option<ExecutionId>,
        user_id: UserId,
    },
    /// The script failed; the record says how.
    #[error("the connection's script failed in execution {0}")]
    ScriptFailed(ExecutionId),
    /// The server could not run the script; the record says how.
    #[error("the connection's script could not be run in execution {0}")]
    ScriptNotRun(ExecutionId),
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error(transparent)]
    Server(#[from] ServiceError),
}

impl Services {
    /// Lets somebody log in through a connection: by the password's hash in the server's
    /// own database, or by the login script of a custom one. When too many attempts have
    /// failed already, nothing is looked at.
    ///
    /// # Errors
    /// Why not. In the server's own database, an unknown user takes as long as a wrong
    /// password.
    pub(crate) async fn connection_login(
        &self,
        context: &TenantContext,
        attempt: LoginAttempt<'_>,
    ) -> Result<LoggedIn, LoginError> {
        let LoginAttempt {
            client, connection, ..
        } = attempt;
        if !connection.enabled_clients.includes(&client.client_id) {
            return Err(LoginError::ClientNotEnabled {
                connection: connection.name.clone(),
            });
        }
        let account = (connection.name.as_str(), attempt.identifier);
        let counted = self
            .attempts
            .begin(context, &self.environment, account, attempt.ip)?;
        let login = match connection.scripts_in_force() {
            Some(database) => self.login_by_script(context, attempt, database).await,
            None => self.login_by_hash(context, attempt).await,
        };
        match &login {
            Ok(_) | Err(LoginError::UserBlocked { .. }) => counted.succeeded(),
            Err(LoginError::WrongPassword { .. } | LoginError::UnknownUser { .. }) => {
                counted.failed();
            }
            Err(_) => counted.undecided(),
        }
        login
    }

    async fn login_by_hash(
        &self,
        context: &TenantContext,
        attempt: LoginAttempt<'_>,
    ) -> Result<LoggedIn, LoginError> {
        let LoginAttempt {
            connection,
            identifier,
            password,
            ..
        } = attempt;
        let user = context.store.user_by_login(&connection.name, identifier);
        let user = user.await.map_err(ServiceError::from)?;
        let hash = user.as_ref().and_then(|user| user.password_hash.as_ref());
        let is_right = self.passwords.verify(password, hash).await?;
        let execution_id = None;
        let user = user.ok_or(LoginError::UnknownUser { execution_id: None })?;
        if !is_right {
            return Err(LoginError::WrongPassword {
                execution_id,
                user_id: Some(user.user_id),
            });
        }
        if user.blocked {
            return Err(LoginError::UserBlocked {
                execution_id,
                user_id: user.user_id,
            });
        }
        Ok(LoggedIn { user, execution_id })
    }

    async fn login_by_script(
        &self,
        context: &TenantContext,
        attempt: LoginAttempt<'_>,
        database: &CustomDatabase,
    ) -> Result<LoggedIn, LoginError> {
        let LoginAttempt {
            client,
            grant,
            connection,
            identifier,
            password,
            ip,
        } = attempt;
        // Nobody has a longer one, so no store need be asked.
        if identifier.len() > IDENTIFIER_BYTES_MAX {
            return Err(LoginError::UnknownUser { execution_id: None });
        }
        if password.expose().len() > PASSWORD_BYTES_MAX {
            return Err(LoginError::WrongPassword {
                execution_id: None,
                user_id: None,
            });
        }
        let call = ScriptCall::Login {
            identifier: identifier.to_owned(),
            password: password.clone(),
        };
        let caller = Caller {
            client_id: Some(client.client_id.clone()),
            grant: Some(grant),
            origin: RequestOrigin {
                ip: ip.to_owned(),
                client_name: client.name.clone(),
                ..RequestOrigin::default()
            },
        };
        let run = script::run(self, context, connection, database, call, caller).await?;
        let id = run.execution_id().clone();
        let execution_id = Some(id.clone());
        let profile = match run.answer() {
            Ok(ScriptAnswer::Profile(json)) => Profile::parse(json),
            Ok(ScriptAnswer::UnknownUser(_)) => {
                run.conclude(None, None);
                return Err(LoginError::UnknownUser { execution_id });
            }
            // A login script has no other answers.
            Ok(_) => {
                run.conclude(None, None);
                return Err(LoginError::WrongPassword {
                    execution_id,
                    user_id: None,
                });
            }
            Err(fault) => {
                let error = failure(fault, id);
                run.conclude(None, None);
                return Err(error);
            }
        };
        let kept = match profile {
            Ok(profile) => keep(self, context, connection, profile, |_| {}).await?,
            Err(message) => Kept::Impossible(message),
        };
        match kept {
            Kept::User(user) => {
                run.conclude(Some(user.user_id.clone()), None);
                Ok(LoggedIn {
                    user: *user,
                    execution_id,
                })
            }
            Kept::Blocked(user_id) => {
                run.conclude_blocked(user_id.clone());
                Err(LoginError::UserBlocked {
                    execution_id,
                    user_id,
                })
            }
            Kept::Impossible(message) => {
                run.conclude(None, Some(script::fault(FaultKind::GuestError, message)));
                Err(LoginError::ScriptFailed(id))
            }
        }
    }
}

fn failure(fault: &Fault, execution_id: ExecutionId) -> LoginError {
    match fault.kind {
        FaultKind::Host => LoginError::ScriptNotRun(execution_id),
        _ => LoginError::ScriptFailed(execution_id),
    }
}
