//! `forEach`: transforms inside every item of an array, or every value of an object.

use serde_json::{Value as Json, json};

use super::{Kind, ON_MISSING, Parameter};
use crate::model::{Document, Path, Storage, Value};
use crate::transform::{Facts, Loss, OnMissing, Params, Refusal, Spot, Step, Transform};

pub(super) const KIND: Kind = Kind {
    name: "forEach",
    summary: "Carries out transforms in every item of an array, or in every value of an object, as \
              if each were a document; their 'when' asks in the item. Refuses a missing field and \
              items that are no objects.",
    parameters: &[
        Parameter { name: "field", form: "a path", optional: false, help: "the array or object" },
        Parameter {
            name: "transforms",
            form: "a list of transforms",
            optional: false,
            help: "what is done in each item; paths begin at the item",
        },
        ON_MISSING,
    ],
    parse,
};

#[derive(Debug)]
struct ForEach {
    field: Spot,
    steps: Vec<Step>,
    on_missing: OnMissing,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let field = params.spot("field");
    let steps = params.steps("transforms");
    let on_missing = params.on_missing(OnMissing::Fail);
    Some(Box::new(ForEach { field: field?, steps: steps?, on_missing }))
}

impl ForEach {
    fn work(&self, item: &mut Value<'_>, facts: &Facts<'_>) -> Result<(), Refusal> {
        let found = item.json_type();
        let object = item.object_mut().ok_or_else(|| {
            Refusal::new(self.field.path(), format!("an item is {found}, and not an object"))
        })?;
        let mut document = Document::from_object(std::mem::take(object), Storage::String);
        for step in &self.steps {
            step.apply(&mut document, facts).map_err(|refusal| Refusal {
                field: format!("{}[].{}", self.field.path(), refusal.field),
                ..refusal
            })?;
        }
        *object = document.root;
        Ok(())
    }
}

impl Transform for ForEach {
    fn apply(&self, document: &mut Document<'_>, facts: &Facts<'_>) -> Result<(), Refusal> {
        self.field.each(document, self.on_missing, &mut |value| {
            let found = value.json_type();
            if let Some(array) = value.array_mut() {
                return array.values_mut().try_for_each(|item| self.work(item, facts));
            }
            let Some(object) = value.object_mut() else {
                let reason = format!("the value is {found}, and an array or object is needed");
                return Err(Refusal::new(self.field.path(), reason));
            };
            (0..object.len()).try_for_each(|at| self.work(object.value_mut(at), facts))
        })
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        let mut back = Vec::new();
        for step in self.steps.iter().rev() {
            back.extend(step.inverse()?);
        }
        if back.is_empty() {
            return Some(Vec::new());
        }
        let mut step = json!({"type": KIND.name, "field": self.field.path(), "transforms": back});
        if self.on_missing == OnMissing::Skip {
            step["onMissing"] = "skip".into();
        }
        Some(vec![step])
    }

    fn loss(&self) -> Option<Loss> {
        let field = self.field.path();
        let worst = self
            .steps
            .iter()
            .filter_map(Step::loss_without_record)
            .max_by_key(|loss| loss.grade)?;
        Some(Loss { what: format!("in each item of '{field}': {}", worst.what), ..worst })
    }

    fn touches(&self) -> Vec<Path> {
        vec![self.field.path().clone()]
    }
}
