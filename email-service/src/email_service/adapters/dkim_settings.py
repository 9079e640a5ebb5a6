"""What is read from the environment for DKIM, and the signer that it describes."""

from pathlib import Path

from pydantic import BaseModel, Field, SecretStr

from email_service.adapters.dkim_signer import DkimSigner, read_dkim_key
from servicekit.settings import ConfigurationError


class DkimSettings(BaseModel):
    """All of them, or none: then mails are not signed here."""

    dkim_private_key: SecretStr | None = Field(
        default=None, description="PEM, RSA or Ed25519; line ends may be written as \\n"
    )
    dkim_private_key_file: Path | None = Field(default=None, description="the same as a file")
    dkim_selector: str | None = None
    dkim_domain: str | None = None


def dkim_signer(settings: DkimSettings) -> DkimSigner | None:
    """The signer; None where nothing is set.

    Raises:
        ConfigurationError: Names the variable that is missing or wrong.
    """
    key, file = settings.dkim_private_key, settings.dkim_private_key_file
    selector, domain = settings.dkim_selector, settings.dkim_domain
    if not (key or file or selector or domain):
        return None
    if key and file:
        msg = "set DKIM_PRIVATE_KEY or DKIM_PRIVATE_KEY_FILE, not both"
        raise ConfigurationError(msg)
    if not ((key or file) and selector and domain):
        missing = {"DKIM_PRIVATE_KEY": key or file, "DKIM_SELECTOR": selector}
        names = [name for name, value in {**missing, "DKIM_DOMAIN": domain}.items() if not value]
        msg = f"for DKIM {' and '.join(names)} must be set as well"
        raise ConfigurationError(msg)
    return _signer(_key_text(key, file), domain, selector)


def _key_text(key: SecretStr | None, file: Path | None) -> str:
    if key:
        return key.get_secret_value()
    assert file is not None, "one of the two is set"
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"DKIM_PRIVATE_KEY_FILE cannot be read: {error}"
        raise ConfigurationError(msg) from error


def _signer(pem: str, domain: str, selector: str) -> DkimSigner:
    try:
        key = read_dkim_key(pem)
    except ValueError as error:
        msg = f"DKIM_PRIVATE_KEY cannot be used: {error}"
        raise ConfigurationError(msg) from error
    try:
        return DkimSigner(key, domain.lower(), selector.lower())
    except ValueError as error:
        msg = f"DKIM_DOMAIN or DKIM_SELECTOR cannot be used: {error}"
        raise ConfigurationError(msg) from error
