//! `keywright kcadm`: Keycloak's administration tool for runbooks that were written for it. Its own flags, which mean other things
//! than ours by the same letters (`-o`, `-q`, `--config`), stand behind the word `kcadm` and are read here.

mod arguments;
mod document;

use std::ffi::OsString;
use std::io::Read as _;
use std::path::Path;

use clap::{Args, Parser as _};
use serde_json::{Map, Value, json};

use super::api::{Api, path, text};
use super::failure::{Code, Failure};
use super::local::Place;
use super::login::{self, Credentials, Session};
use super::output::{Output, tell};
use super::prompt::Wanted;
use super::{block_on, examples};
use crate::base::secret::Secret;
use crate::model::realm::Realm;

use arguments::{Config, ConfigCredentials, Get, Kcadm, Roles, SetPassword, Target, Verb, Write};

#[derive(Args)]
#[command(before_help = examples![
    "keywright kcadm config credentials --server http://localhost:8080/auth --realm master --user admin",
    "keywright kcadm get clients -r acme --fields id,clientId",
    "keywright kcadm create users -r acme -s username=anna -s enabled=true"
])]
pub(super) struct Arguments {
    /// As kcadm.sh has them: config credentials, get, create, update, delete, set-password, add-roles, remove-roles
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "WORDS", required = true)]
    words: Vec<OsString>,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<(), Failure> {
    let words = std::iter::once(OsString::from("keywright kcadm")).chain(arguments.words.iter().cloned());
    let Kcadm { verb } = match Kcadm::try_parse_from(words) {
        Ok(parsed) => parsed,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Err(Failure::said(Code::Usage)) } else { Ok(()) };
        }
    };
    match verb {
        Verb::Config(Config::Credentials(arguments)) => credentials(arguments),
        Verb::Get(arguments) => arguments.target.work(async |api| get(api, &arguments, output).await),
        Verb::Create(arguments) => arguments.target.work(async |api| create(api, &arguments, output).await),
        Verb::Update(arguments) => arguments.target.work(async |api| update(api, &arguments, output).await),
        Verb::Delete(arguments) => arguments.target.work(async |api| delete(api, &arguments).await),
        Verb::SetPassword(arguments) => arguments.target.work(async |api| set_password(api, &arguments).await),
        Verb::AddRoles(arguments) => arguments.target.work(async |api| change_roles(api, &arguments, "POST").await),
        Verb::RemoveRoles(arguments) => arguments.target.work(async |api| change_roles(api, &arguments, "DELETE").await),
    }
}

fn credentials(given: ConfigCredentials) -> Result<(), Failure> {
    let wanted = |what, flag, text, variable| Wanted { what, flag, text, file: None, variable: Some(variable) };
    // Runbooks have the password in the command; so be it, and without the warning that our own commands give.
    let user = match given.user {
        Some(name) => {
            let password = match given.password {
                Some(password) => Secret::new(password),
                None => wanted("the password", "--password", None, "KEYWRIGHT_PASSWORD").required()?,
            };
            Some((name, password))
        }
        None => None,
    };
    let secret = match given.secret {
        Some(secret) => Some(Secret::new(secret)),
        None if user.is_none() => Some(wanted("the client's secret", "--secret", None, "KEYWRIGHT_CLIENT_SECRET").required()?),
        None => None,
    };
    tell(&format!(
        "Logging into {} as user {} of realm {}",
        given.server,
        user.as_ref().map_or(&given.client, |(name, _)| name),
        given.realm
    ));
    let credentials = Credentials { url: given.server, realm: given.realm, client: given.client, user, secret, trust: given.trust };
    block_on(login::sign_in(&credentials)).map(drop)
}

impl Target {
    fn work<T>(&self, work: impl AsyncFnOnce(&Api<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        if self.local {
            return Place::at(None, self.data.clone()).work(async |local| work(&Api::Store(local)).await);
        }
        block_on(async {
            let session = match &self.server {
                Some(url) => Session::of(url)?,
                None => Session::latest()?,
            };
            work(&Api::Server(Box::new(session.remote(&self.trust).await?))).await
        })
    }

    /// The realm that it is about: the named one, else that of the login.
    fn realm(&self) -> Result<String, Failure> {
        match &self.realm {
            Some(realm) => Ok(realm.clone()),
            None if self.local => Ok(Realm::MASTER.to_owned()),
            None => Ok(match &self.server {
                Some(url) => Session::of(url)?,
                None => Session::latest()?,
            }
            .realm),
        }
    }

    /// An address as kcadm understands it, and the parameters in it.
    fn address(&self, uri: &str) -> Result<(String, Vec<(String, String)>), Failure> {
        let (address, query) = uri.split_once('?').unwrap_or((uri, ""));
        let query = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
            (decode(name), decode(value))
        });
        let bare = match address.split_once("/admin/") {
            Some((_, below)) => below,
            None => address.trim_start_matches('/'),
        };
        let whole = if bare == "realms" || bare.starts_with("realms/") || bare == "serverinfo" {
            format!("/admin/{bare}")
        } else {
            format!("{}/{bare}", path(&[&self.realm()?]))
        };
        Ok((whole.trim_end_matches('/').to_owned(), query.collect()))
    }
}

/// `-q name=value`.
fn parameters(given: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let pair = |text: &String| {
        let (name, value) = text.split_once('=').ok_or_else(|| Failure::usage(format!("-q {text} is no NAME=VALUE")))?;
        Ok((name.to_owned(), value.to_owned()))
    };
    given.iter().map(pair).collect()
}

async fn asked(
    api: &Api<'_>,
    method: &str,
    (address, query): &(String, Vec<(String, String)>),
    body: Option<&Value>,
) -> Result<super::api::Reply, Failure> {
    let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let reply = api.ask(method, address, &query, body.map(|body| body.to_string().into_bytes())).await?;
    match reply.status {
        _ if reply.is_good() => Ok(reply),
        404 => Err(reply.failure().advice_unless(&format!("Resource not found for url: {address}"))),
        _ => Err(reply.failure()),
    }
}

async fn get(api: &Api<'_>, given: &Get, output: &Output) -> Result<(), Failure> {
    let (address, mut query) = given.target.address(&given.uri)?;
    query.extend(parameters(&given.query)?);
    query.extend(given.offset.clone().map(|first| ("first".to_owned(), first)));
    query.extend(given.limit.clone().map(|max| ("max".to_owned(), max)));
    let found = asked(api, "GET", &(address, query), None).await?.json();
    let fields = given.fields.as_deref().map(document::Fields::parse).transpose()?;
    if given.format == "csv" {
        for line in document::csv(&found, given.fields.as_deref(), !given.noquotes) {
            output.line(&line);
        }
        return Ok(());
    }
    let shown = fields.map_or(found.clone(), |fields| fields.of(&found));
    output.line(&if given.compressed { shown.to_string() } else { document::pretty(&shown) });
    Ok(())
}

impl Write {
    fn body(&self, current: Value) -> Result<Value, Failure> {
        let given = match (&self.body, &self.file) {
            (Some(text), _) => Some(text.clone()),
            (None, Some(file)) => Some(read(file)?),
            (None, None) => None,
        };
        let mut body = match given {
            Some(text) => serde_json::from_str(&text).map_err(|error| Failure::usage(format!("the body is no JSON: {error}")))?,
            None => Value::Null,
        };
        if let (Value::Object(mut all), Value::Object(given)) = (current, &body) {
            all.extend(given.clone());
            body = Value::Object(all);
        }
        for assignment in &self.set {
            document::set(&mut body, assignment)?;
        }
        for name in &self.delete {
            document::remove(&mut body, name);
        }
        Ok(body)
    }
}

async fn create(api: &Api<'_>, given: &Write, output: &Output) -> Result<(), Failure> {
    let (address, mut query) = given.target.address(&given.uri)?;
    query.extend(parameters(&given.query)?);
    let body = given.body(Value::Null)?;
    let reply = asked(api, "POST", &(address.clone(), query), Some(&body).filter(|body| !body.is_null())).await?;
    let Some(id) = reply.id() else {
        if !reply.body.is_empty() {
            output.line(&document::pretty(&reply.json()));
        }
        return Ok(());
    };
    if given.id {
        output.line(&id);
    } else if given.output {
        let made = asked(
            api,
            "GET",
            &(format!("{address}/{}", percent_encoding::utf8_percent_encode(&id, percent_encoding::NON_ALPHANUMERIC)), Vec::new()),
            None,
        )
        .await?;
        show(&made.json(), given, output)?;
    } else {
        let what = address.rsplit('/').next().unwrap_or_default().trim_end_matches('s');
        output.note(&format!("Created new {what} with id '{id}'"));
    }
    Ok(())
}

async fn update(api: &Api<'_>, given: &Write, output: &Output) -> Result<(), Failure> {
    let (address, mut query) = given.target.address(&given.uri)?;
    query.extend(parameters(&given.query)?);
    let at = (address, query);
    // Without a body of its own a change is one of what is there.
    let merges = !given.no_merge && (given.merge || (given.file.is_none() && given.body.is_none()));
    let current = if merges && !(given.set.is_empty() && given.delete.is_empty() && given.file.is_none() && given.body.is_none()) {
        asked(api, "GET", &at, None).await?.json()
    } else {
        Value::Null
    };
    let mut body = given.body(current.clone())?;
    if body.is_null() && !current.is_null() {
        body = current;
    }
    asked(api, "PUT", &at, Some(&body).filter(|body| !body.is_null())).await?;
    if given.output {
        show(&asked(api, "GET", &at, None).await?.json(), given, output)?;
    }
    Ok(())
}

async fn delete(api: &Api<'_>, given: &Write) -> Result<(), Failure> {
    let (address, mut query) = given.target.address(&given.uri)?;
    query.extend(parameters(&given.query)?);
    let body = given.body(Value::Null)?;
    asked(api, "DELETE", &(address, query), Some(&body).filter(|body| !body.is_null())).await?;
    if let Api::Store(local) = api {
        local.finish_jobs().await?;
    }
    Ok(())
}

fn show(value: &Value, given: &Write, output: &Output) -> Result<(), Failure> {
    let shown = match given.fields.as_deref() {
        Some(fields) => document::Fields::parse(fields)?.of(value),
        None => value.clone(),
    };
    output.line(&if given.compressed { shown.to_string() } else { document::pretty(&shown) });
    Ok(())
}

async fn set_password(api: &Api<'_>, given: &SetPassword) -> Result<(), Failure> {
    let realm = given.target.realm()?;
    let id = match (&given.userid, &given.username) {
        (Some(id), _) => id.clone(),
        (None, name) => text(&api.user(&realm, name.as_deref().unwrap_or_default()).await?, "id"),
    };
    let password = match &given.new_password {
        Some(password) => Secret::new(password.clone()),
        None => Wanted { what: "the password", flag: "--new-password", text: None, file: None, variable: Some("KEYWRIGHT_PASSWORD") }
            .chosen()?,
    };
    let body = json!({ "type": "password", "value": password.expose(), "temporary": given.temporary });
    api.put(&[&realm, "users", &id, "reset-password"], &body).await
}

async fn change_roles(api: &Api<'_>, given: &Roles, method: &str) -> Result<(), Failure> {
    let realm = given.target.realm()?;
    let holder = if let Some(name) = given.uusername.as_ref().or(given.uid.as_ref()) {
        ["users".to_owned(), text(&api.user(&realm, name).await?, "id")]
    } else if let Some(name) = given.gpath.as_ref().or(given.gid.as_ref()).or(given.gname.as_ref()) {
        ["groups".to_owned(), text(&api.group(&realm, name).await?, "id")]
    } else {
        return Err(Failure::usage("nobody is named").advice("--uusername, --uid, --gname, --gpath or --gid"));
    };
    let client = match given.cclientid.as_ref().or(given.cid.as_ref()) {
        Some(name) => Some(api.client(&realm, name).await?),
        None => None,
    };
    let mut roles = Vec::new();
    for name in given.rolename.iter().chain(&given.roleid) {
        roles.push(api.role(&realm, client.as_ref(), name).await?);
    }
    let id = client.as_ref().map(|client| text(client, "id"));
    let mut at = vec![realm.as_str(), &holder[0], &holder[1], "role-mappings"];
    match &id {
        Some(id) => at.extend(["clients", id]),
        None => at.push("realm"),
    }
    asked(api, method, &(path(&at), Vec::new()), Some(&json!(roles))).await.map(drop)
}

fn read(file: &Path) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::new(Code::NotFound, format!("{} cannot be read: {error}", file.display()));
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).map_err(failed)?;
        return Ok(text);
    }
    std::fs::read_to_string(file).map_err(failed)
}

/// An object to put members into.
fn empty() -> Value {
    Value::Object(Map::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::trust::Trust;

    #[test]
    fn the_words_of_runbooks_are_understood() {
        use clap::CommandFactory as _;
        Kcadm::command().debug_assert();
        for line in [
            "config credentials --server http://localhost:8080/auth --realm master --user admin --password -x",
            "get clients -r acme --fields id,clientId --format csv --noquotes",
            "get users -r acme -q username=anna -q exact=true -o 0 -l 10 -c",
            "create users -r acme -s username=anna -s enabled=true -i",
            "create clients -r acme -f client.json -o",
            "update realms/acme -s enabled=false -d smtpServer -m",
            "delete clients/123 -r acme",
            "set-password -r acme --username anna --new-password secret -t",
            "add-roles -r acme --uusername anna --cclientid realm-management --rolename view-users",
            "remove-roles -r acme --gpath /staff --rolename auditor",
        ] {
            let words = std::iter::once("kcadm").chain(line.split(' '));
            assert!(Kcadm::try_parse_from(words).is_ok(), "{line}");
        }
    }

    #[test]
    fn an_address_stands_below_its_realm_unless_it_says_otherwise() {
        let target = Target { realm: Some("acme".to_owned()), server: None, local: true, data: None, trust: Trust::default() };
        let address = |uri: &str| target.address(uri).expect("an address").0;
        assert_eq!(address("clients"), "/admin/realms/acme/clients");
        assert_eq!(address("realms"), "/admin/realms");
        assert_eq!(address("realms/other/users/"), "/admin/realms/other/users");
        assert_eq!(address("serverinfo"), "/admin/serverinfo");
        assert_eq!(address("http://h/auth/admin/realms/x/roles"), "/admin/realms/x/roles");
        assert_eq!(target.address("users?q=a%3Ab&max=1").expect("an address").1.len(), 2);
    }
}
