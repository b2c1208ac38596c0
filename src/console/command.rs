//! The one table of everything the console can do: verb, scope, keys, hint, help text, danger.
//!
//! Footer, help overlay, palette and the README's key table come from it, so none of them can
//! disagree. Adding a verb is adding a row, and a place in a pane's `act`.

/// Where a verb is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// In every pane.
    Everywhere,
    /// The key browser.
    Keys,
    /// Subjects, versions and their difference.
    Schemas,
    /// The chain and its preview.
    Chain,
    /// The run.
    Run,
    /// Past runs.
    History,
}

impl Scope {
    /// The panes in the order of their tabs.
    pub const PANES: [Self; 5] = [Self::Keys, Self::Schemas, Self::Chain, Self::Run, Self::History];

    /// The name on tabs and in help.
    pub fn name(self) -> &'static str {
        match self {
            Self::Everywhere => "Everywhere",
            Self::Keys => "Keys",
            Self::Schemas => "Schemas",
            Self::Chain => "Chain",
            Self::Run => "Run",
            Self::History => "History",
        }
    }

    /// Whether verbs of the two scopes can be live at the same time.
    pub fn meets(self, other: Self) -> bool {
        self == other || self == Self::Everywhere || other == Self::Everywhere
    }
}

/// What a verb may do to the server's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Danger {
    /// It writes nothing to Redis.
    None,
    /// It writes to Redis: it asks for the typed confirmation, and read-only mode removes it.
    Writes,
}

/// Everything an operator can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // The table below says what each does.
pub enum Verb {
    Quit,
    Help,
    Palette,
    GoKeys,
    GoSchemas,
    GoChain,
    GoRun,
    GoHistory,
    OtherPart,
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
    Left,
    Right,
    Open,
    Back,
    Refresh,
    Copy,
    NextTheme,
    ShowLog,
    Freeze,
    Suspend,
    Redraw,
    EditPattern,
    NextType,
    ScanMore,
    Filter,
    Mark,
    ChainOfKey,
    ClearMarks,
    InferKeys,
    Tree,
    InferLive,
    NewVersion,
    Register,
    SetBase,
    NextChange,
    PreviousChange,
    MakeChain,
    NextKey,
    PreviousKey,
    NextTrouble,
    NextTarget,
    MoreSamples,
    FewerSamples,
    AddStep,
    EditStep,
    EditAsText,
    SwitchStep,
    DuplicateStep,
    RemoveStep,
    StepUp,
    StepDown,
    Undo,
    Redo,
    NewMigration,
    DraftChain,
    Paths,
    Save,
    FullScreen,
    ToRun,
    DryRun,
    Execute,
    PauseOrResume,
    Stop,
    Step,
    Faster,
    Slower,
    Inspect,
    Retry,
    InStages,
    ByStep,
    CopyCommand,
    Knobs,
    Export,
    Changes,
    Verify,
    Rollback,
    RollbackOf,
    RollForward,
    RetryOf,
    ResumeRun,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// What is asked for.
    pub verb: Verb,
    /// Where it is live.
    pub scope: Scope,
    /// Its keys, in the form of [`crate::console::keymap::Press::parse`]; the first is shown in footers.
    pub keys: &'static [&'static str],
    /// Two words at most, for footer and palette.
    pub hint: &'static str,
    /// One sentence for help.
    pub help: &'static str,
    /// What it may do to the data.
    pub danger: Danger,
    /// Whether the footer shows it while it can be used.
    pub footer: bool,
}

const fn row(
    verb: Verb,
    scope: Scope,
    keys: &'static [&'static str],
    hint: &'static str,
    help: &'static str,
) -> Command {
    Command { verb, scope, keys, hint, help, danger: Danger::None, footer: true }
}

/// A row that the footer leaves out: it would crowd out what is particular to the pane.
const fn quiet(
    verb: Verb,
    scope: Scope,
    keys: &'static [&'static str],
    hint: &'static str,
    help: &'static str,
) -> Command {
    Command { footer: false, ..row(verb, scope, keys, hint, help) }
}

/// A row whose verb writes to Redis.
const fn writes(
    verb: Verb,
    scope: Scope,
    keys: &'static [&'static str],
    hint: &'static str,
    help: &'static str,
) -> Command {
    Command { danger: Danger::Writes, ..row(verb, scope, keys, hint, help) }
}

use Scope::{Chain, Everywhere, History, Keys, Run, Schemas};

/// The table. Rows of a pane come before those of everywhere, so footers begin with what is near.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row(Verb::EditPattern, Keys, &["/"], "pattern", "Type the key pattern that the server matches (SCAN MATCH)"),
    row(Verb::NextType, Keys, &["t"], "type", "Show only keys of the next Redis type (SCAN TYPE), then all again"),
    row(Verb::ScanMore, Keys, &["m"], "scan more", "Go on scanning for more keys"),
    row(Verb::Filter, Keys, &["f"], "filter", "Filter the loaded keys here, by fuzzy match; the server is not asked"),
    row(Verb::Mark, Keys, &["space"], "mark", "Mark the key as a sample for the chain's preview"),
    row(Verb::ChainOfKey, Keys, &["c"], "chain", "Show the chain of this key's subject at work on it, or on the marked keys"),
    row(Verb::InferKeys, Keys, &["i"], "infer schema", "Look at the keys of the pattern and propose the schema that their documents fit"),
    row(Verb::Tree, Keys, &["v"], "tree/list", "Show the loaded keys as a tree by the parts of their names, or as a list again"),
    quiet(Verb::ClearMarks, Keys, &["u"], "unmark all", "Take all marks away"),

    row(Verb::MakeChain, Schemas, &["c"], "chain", "Take this version as the target and show the chain that leads to it"),
    row(Verb::NewVersion, Schemas, &["e"], "new version", "Write a new version from the selected one, as JSON, with advice for its number"),
    row(Verb::Register, Schemas, &["w"], "register", "Register the selected version in Redis, or save the live shape as a version"),
    row(Verb::SetBase, Schemas, &["b"], "set base", "Compare with this version from now on (again: with the version before)"),
    row(Verb::NextChange, Schemas, &["n"], "next change", "Jump to the next change of the difference"),
    row(Verb::InferLive, Schemas, &["i"], "live shape", "Look at the stored documents of this subject: a shape to compare with"),
    quiet(Verb::PreviousChange, Schemas, &["p"], "previous change", "Jump to the change before"),

    row(Verb::ToRun, Chain, &["r"], "to run", "Plan the run of this chain"),
    row(Verb::AddStep, Chain, &["a"], "add step", "Add a step behind the selected one: choose its kind, fill in its form"),
    row(Verb::EditStep, Chain, &["e"], "edit", "Edit the selected step in a form, with the preview beside it"),
    row(Verb::DraftChain, Chain, &["f"], "draft", "Draft the migration to the target from the difference of the schemas and from stored documents"),
    quiet(Verb::EditAsText, Chain, &["E"], "edit as JSON", "Edit the selected step as JSON; mistakes show at their line"),
    row(Verb::NextKey, Chain, &["n"], "next key", "Show the next sampled key"),
    row(Verb::NextTrouble, Chain, &["!"], "next trouble", "Show the next sampled key that would not come through"),
    quiet(Verb::PreviousKey, Chain, &["p"], "previous key", "Show the sampled key before"),
    row(Verb::NextTarget, Chain, &["t"], "target", "Take the next version of the subject as the target"),
    quiet(Verb::MoreSamples, Chain, &["+", "="], "more samples", "Sample ten times as many keys"),
    quiet(Verb::FewerSamples, Chain, &["-"], "fewer samples", "Sample a tenth of the keys"),
    row(Verb::Save, Chain, &["w"], "save", "Save what was edited, to the catalog's files or to the registry"),
    row(Verb::Undo, Chain, &["u"], "undo", "Take the last edit back"),
    quiet(Verb::Redo, Chain, &["U"], "redo", "Make the edit again that was taken back"),
    quiet(Verb::SwitchStep, Chain, &["d"], "on/off", "Switch the selected step off, or on again; a step that is off is not saved"),
    quiet(Verb::DuplicateStep, Chain, &["D"], "duplicate", "Put a copy of the selected step behind it"),
    quiet(Verb::RemoveStep, Chain, &["X", "del"], "remove", "Take the selected step out, or the selected migration with all its steps"),
    quiet(Verb::StepUp, Chain, &["K"], "move up", "Move the selected step up, inside its migration"),
    quiet(Verb::StepDown, Chain, &["J"], "move down", "Move the selected step down, inside its migration"),
    quiet(Verb::NewMigration, Chain, &["M"], "new migration", "Begin a migration to the target from the version before it"),
    quiet(Verb::Paths, Chain, &["v"], "paths", "The graph of versions, and another path to the target than the one found"),

    row(Verb::DryRun, Run, &["d"], "dry run", "Go through every key and write nothing"),
    writes(Verb::Execute, Run, &["x"], "execute", "Change the keys in Redis, after you typed the key pattern"),
    row(Verb::PauseOrResume, Run, &["space"], "pause/go on", "Hold the run between two batches, or let it go on"),
    row(Verb::Step, Run, &["o"], "one batch", "Do one batch, then hold"),
    row(Verb::Stop, Run, &["s"], "stop", "End the run after the current batch; it can be resumed from History"),
    row(Verb::Inspect, Run, &["i"], "inspect keys", "See the sample keys of the selected trouble step by step in the chain"),
    row(Verb::Retry, Run, &["R"], "retry failed", "Plan the run of the keys that failed, were invalid or in conflict, alone"),
    quiet(Verb::InStages, Run, &["C"], "canary", "Run in stages: over a part of the keys first, then over more, asking between them"),
    quiet(Verb::ByStep, Run, &["O"], "step by step", "Have the next run wait for o after each batch, or no more"),
    quiet(Verb::Faster, Run, &["+", "="], "faster", "Raise the limit of keys per second, then lift it"),
    quiet(Verb::Slower, Run, &["-"], "slower", "Halve the limit of keys per second"),
    row(Verb::Knobs, Run, &["p"], "pace", "Set the pace of the run at work, or a limit of the server's load that it keeps to"),
    quiet(Verb::Export, Run, &["e"], "export", "Write the troubles with their counts and sample keys to a file, as JSON"),
    quiet(Verb::CopyCommand, Run, &["c"], "copy command", "Copy the command line that does the same without the console"),

    row(Verb::Verify, History, &["v"], "verify", "Read the keys of this run again and compare them with what was written"),
    writes(Verb::Rollback, History, &["b"], "roll back", "Put the bytes from before this run back, after you typed the key pattern"),
    row(Verb::Changes, History, &["o"], "compare keys", "Compare any key of this run: its value before the run, and what is stored now"),
    writes(Verb::RollbackOf, History, &["B"], "roll back …", "Roll back, and choose what becomes of keys that were changed since: kept, overwritten or inverted"),
    writes(Verb::RollForward, History, &["f"], "roll forward", "Take the rollback of this run back, where what it put back still stands"),
    row(Verb::RetryOf, History, &["R"], "retry failed", "Plan the run of the keys of this run that failed, were invalid or in conflict, alone"),
    writes(Verb::ResumeRun, History, &["e"], "resume", "Go on with this stopped run from its checkpoint, after you typed the key pattern"),

    quiet(Verb::Up, Everywhere, &["up", "k"], "up", "Up one row"),
    quiet(Verb::Down, Everywhere, &["down", "j"], "down", "Down one row"),
    quiet(Verb::PageUp, Everywhere, &["pgup", "ctrl-u"], "page up", "Up one page"),
    quiet(Verb::PageDown, Everywhere, &["pgdn", "ctrl-d"], "page down", "Down one page"),
    quiet(Verb::Top, Everywhere, &["home", "g"], "top", "To the first row"),
    quiet(Verb::Bottom, Everywhere, &["end", "G"], "bottom", "To the last row"),
    quiet(Verb::Left, Everywhere, &["left", "h"], "left", "Scroll left; fold in a JSON view"),
    quiet(Verb::Right, Everywhere, &["right", "l"], "right", "Scroll right; unfold in a JSON view"),
    quiet(Verb::Open, Everywhere, &["enter"], "open", "Open the selected row"),
    quiet(Verb::Back, Everywhere, &["esc"], "back", "Back to the list; close what is open"),
    row(Verb::OtherPart, Everywhere, &["tab", "backtab"], "list/details", "To the pane's other side: list or details"),
    quiet(Verb::GoKeys, Everywhere, &["1"], "Keys", "Browse the keys and their values"),
    quiet(Verb::GoSchemas, Everywhere, &["2"], "Schemas", "Subjects, their versions, and what differs between two"),
    quiet(Verb::GoChain, Everywhere, &["3"], "Chain", "The chain of transforms, at work on sampled keys"),
    quiet(Verb::GoRun, Everywhere, &["4"], "Run", "Plan, start, watch and hold a run"),
    quiet(Verb::GoHistory, Everywhere, &["5"], "History", "Past runs: details, verify, roll back, resume"),
    quiet(Verb::Refresh, Everywhere, &["f5", "ctrl-r"], "refresh", "Ask the server again for what this pane shows"),
    quiet(Verb::Copy, Everywhere, &["y"], "copy", "Copy what is selected to the terminal's clipboard (OSC 52)"),
    quiet(Verb::FullScreen, Everywhere, &["z"], "one side", "Give the whole width to the focused side, or share it again"),
    quiet(Verb::Freeze, Everywhere, &["F"], "freeze", "Hold the figures still on screen; the work goes on"),
    quiet(Verb::NextTheme, Everywhere, &["T"], "theme", "The next theme: dark, light, high contrast, mono"),
    quiet(Verb::ShowLog, Everywhere, &["L"], "log", "What happened, and the Redis commands that were sent: how many, how long they took, no values"),
    quiet(Verb::Suspend, Everywhere, &["ctrl-z"], "suspend", "Back to the shell; `fg` returns (a run goes on only after that)"),
    quiet(Verb::Redraw, Everywhere, &["ctrl-l"], "redraw", "Draw the whole screen anew"),
    quiet(Verb::Palette, Everywhere, &[":", "ctrl-p"], "commands", "Find any command by a few letters"),
    row(Verb::Help, Everywhere, &["?", "f1"], "help", "All keys, with what they do"),
    row(Verb::Quit, Everywhere, &["q", "ctrl-c"], "quit", "Leave the console; asks while a run is going on"),
];

/// The row of a verb.
pub fn command(verb: Verb) -> &'static Command {
    COMMANDS.iter().find(|command| command.verb == verb).expect("every verb has a row")
}

/// The rows that are live in a pane, in the order of the table.
pub fn live_in(scope: Scope) -> impl Iterator<Item = &'static Command> {
    COMMANDS.iter().filter(move |command| command.scope.meets(scope))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_can_be_reached_and_explained() {
        let mut seen = BTreeSet::new();
        for command in COMMANDS {
            assert!(seen.insert(command.verb), "{:?} stands twice", command.verb);
            assert!(!command.keys.is_empty() && !command.hint.is_empty());
            assert!(command.help.chars().count() > 8 && !command.help.ends_with('.'));
        }
    }

    #[test]
    fn what_writes_is_marked() {
        let writing: Vec<Verb> =
            COMMANDS.iter().filter(|c| c.danger == Danger::Writes).map(|c| c.verb).collect();
        let expected =
            [Verb::Execute, Verb::Rollback, Verb::RollbackOf, Verb::RollForward, Verb::ResumeRun];
        assert_eq!(writing, expected);
    }
}
