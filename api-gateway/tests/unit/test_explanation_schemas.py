from api_gateway.api.explanation_schemas import ExplanationView


def test_the_documented_example_is_an_answer_in_full() -> None:
    extra = ExplanationView.model_config["json_schema_extra"]
    assert isinstance(extra, dict)
    view = ExplanationView.model_validate(extra["example"])
    assert view.model_dump(mode="json") == extra["example"]
