import pytest
from fake_templates import FakeTemplates
from templates_suite import TemplatesSuite

from template_service.domain.ports import Templates


class TestFakeTemplates(TemplatesSuite):
    @pytest.fixture
    def templates(self) -> Templates:
        return FakeTemplates()
