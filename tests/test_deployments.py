import pytest
from eth_utils.address import to_checksum_address

from connext_monitor.core.events import DomainId
from connext_monitor.deployments import DEPLOYMENTS, Deployment, by_domain

ALL = list(DEPLOYMENTS.values())


def test_the_ten_mainnet_chains_are_built_in() -> None:
    names = {"ethereum", "optimism", "bnb", "gnosis", "polygon", "metis", "base", "mode", "arbitrum-one", "linea"}
    assert set(DEPLOYMENTS) == names


@pytest.mark.parametrize(
    ("name", "chain_id", "domain_id", "contract"),
    [
        ("ethereum", 1, 6648936, "0x8898B472C54c31894e3B9bb83cEA802a5d0e63C6"),
        ("optimism", 10, 1869640809, "0x8f7492DE823025b4CfaAB1D34c58963F2af5DEDA"),
        ("bnb", 56, 6450786, "0xCd401c10afa37d641d2F594852DA94C700e4F2CE"),
        ("gnosis", 100, 6778479, "0x5bB83e95f63217CDa6aE3D181BA580Ef377D2109"),
        ("polygon", 137, 1886350457, "0x11984dc4465481512eb5b777E44061C158CF2259"),
        ("metis", 1088, 1835365481, "0x6B142227A277CE62808E0Df93202483547Ec0188"),
        ("base", 8453, 1650553709, "0xB8448C6f7f7887D36DcA487370778e419e9ebE3F"),
        ("mode", 34443, 1836016741, "0x7380511493DD4c2f1dD75E9CCe5bD52C787D4B51"),
        ("arbitrum-one", 42161, 1634886255, "0xEE9deC2712cCE65174B561151701Bf54b99C24C8"),
        ("linea", 59144, 1818848877, "0xa05eF29e9aC8C75c530c2795Fa6A800e188dE0a9"),
    ],
)
def test_a_deployment_has_the_published_ids_and_checksummed_address(
    name: str, chain_id: int, domain_id: int, contract: str
) -> None:
    deployment = DEPLOYMENTS[name]
    assert (deployment.chain_id, deployment.domain_id, to_checksum_address(deployment.contract)) == (
        chain_id,
        domain_id,
        contract,
    )


@pytest.mark.parametrize("deployment", ALL, ids=lambda deployment: deployment.name)
def test_a_domain_id_spells_its_chain(deployment: Deployment) -> None:
    # Connext made its domain ids from ASCII letters (6648936 is "eth"): a digit typed wrong would show here.
    letters = deployment.domain_id.to_bytes(4, "big").lstrip(b"\0").decode("ascii")
    spelled = {"opti", "bnb", "gno", "poly", "meti", "basm", "mode", "arbo", "linm", "eth"}
    assert letters in spelled


@pytest.mark.parametrize("deployment", ALL, ids=lambda deployment: deployment.name)
def test_a_domain_id_names_its_deployment(deployment: Deployment) -> None:
    assert by_domain(deployment.domain_id) is deployment


def test_an_unknown_domain_id_names_nothing() -> None:
    assert by_domain(DomainId(1001)) is None


def test_only_linea_counts_blocks_for_finality() -> None:
    assert {deployment.name: deployment.finality for deployment in ALL if deployment.finality != "finalized"} == {
        "linea": 600
    }


@pytest.mark.parametrize("deployment", ALL, ids=lambda deployment: deployment.name)
def test_an_explorer_is_an_https_url_without_a_slash_at_its_end(deployment: Deployment) -> None:
    assert deployment.explorer.startswith("https://")
    assert not deployment.explorer.endswith("/")
