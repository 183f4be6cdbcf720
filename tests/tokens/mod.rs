//! Tokens as whole values, minted from realms that were made by the rules of administration, without HTTP.

mod claims;
mod compiled;
mod lifetimes;
mod mapper_types;
mod mappers;
mod oracle;
mod scope;
mod verify;
