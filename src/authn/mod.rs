//! Who somebody is: finding the user that a name means and judging what he presents. Which tokens follow from it is `grants`'
//! business.

pub mod brute_force;
pub mod otp;
pub mod password;
pub mod required_action;
