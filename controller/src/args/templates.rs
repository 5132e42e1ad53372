//! What templates may do.

use clap::ValueEnum;
use signet_templates::{Functions, Mode, Options};

/// Flags of templates.
#[derive(Debug, Clone, clap::Args)]
pub struct Templates {
    /// What templates may do: everything, only what cannot fail, or nothing
    #[arg(
        long,
        env = "SEALED_SECRETS_TEMPLATES",
        value_enum,
        default_value = "full"
    )]
    pub templates: TemplateMode,
    /// Which functions templates have: all but those that make keys, or all
    #[arg(
        long,
        env = "SEALED_SECRETS_TEMPLATE_FUNCTIONS",
        value_enum,
        default_value = "safe"
    )]
    pub template_functions: TemplateFunctions,
}

/// `--templates`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TemplateMode {
    /// Everything that is bounded.
    Full,
    /// Fields, index, toJson, quote and b64enc: they cannot fail, so a failure tells nothing about values.
    Total,
    /// An item with an action is refused.
    Off,
}

/// `--template-functions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TemplateFunctions {
    /// Without those that make keys or derive them from passwords.
    Safe,
    /// All that upstream has.
    All,
}

impl Templates {
    /// The settings as the engine takes them.
    pub fn options(&self) -> Options {
        Options {
            mode: match self.templates {
                TemplateMode::Full => Mode::Full,
                TemplateMode::Total => Mode::Total,
                TemplateMode::Off => Mode::Off,
            },
            functions: match self.template_functions {
                TemplateFunctions::Safe => Functions::Safe,
                TemplateFunctions::All => Functions::All,
            },
        }
    }
}
