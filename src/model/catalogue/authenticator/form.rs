//! What a form can be made of: its actions and its page.

use super::{REQUIRED_OR_NOT, Step};
use crate::model::catalogue::property;

/// Steps of a `form-flow`.
pub const FORM_ACTIONS: &[Step] = &[
    Step {
        id: "registration-password-action",
        name: "Password Validation",
        help: "Validates that password matches password confirmation field.  It also will store password in user's credential store.",
        choices: REQUIRED_OR_NOT,
        properties: &[property("always_set_password_on_register_form", "boolean")],
    },
    Step {
        id: "registration-recaptcha-action",
        name: "reCAPTCHA",
        help: "Adds Google reCAPTCHA to the form.",
        choices: REQUIRED_OR_NOT,
        properties: &[
            property("site.key", "String"),
            property("secret.key", "String"),
            property("action", "String").text("register"),
            property("useRecaptchaNet", "boolean").flag(false),
            property("recaptcha.v3", "boolean").flag(false),
        ],
    },
    Step {
        id: "registration-recaptcha-enterprise",
        name: "reCAPTCHA Enterprise",
        help: "Adds Google reCAPTCHA Enterprise to the form.",
        choices: REQUIRED_OR_NOT,
        properties: &[
            property("project.id", "String"),
            property("site.key", "String"),
            property("api.key", "String"),
            property("score.threshold", "String").text("0.7"),
            property("action", "String").text("register"),
            property("useRecaptchaNet", "boolean").flag(false),
            property("recaptcha.v3", "boolean").flag(false),
        ],
    },
    Step {
        id: "registration-terms-and-conditions",
        name: "Terms and conditions",
        help: "Asks the user to accept terms and conditions before submitting its registration form.",
        choices: REQUIRED_OR_NOT,
        properties: &[],
    },
    Step {
        id: "registration-user-creation",
        name: "Registration User Profile Creation",
        help: "This action must always be first! Validates the username and user profile of the user in validation phase.  In success phase, this will create the user in the database including his user profile.",
        choices: REQUIRED_OR_NOT,
        properties: &[],
    },
];

/// The pages around the steps of a `form-flow`.
pub const FORMS: &[Step] = &[Step {
    id: "registration-page-form",
    name: "Registration Page",
    help: "This is the controller for the registration page",
    choices: REQUIRED_OR_NOT,
    properties: &[],
}];
