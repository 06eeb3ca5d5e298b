#!/usr/bin/env python3
"""The Kubernetes manifests against the schemas that Kubernetes publishes, as the package
kubernetes-validate carries them. Exit code 77: not run, the package can't be had."""

import copy
import pathlib
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "sim/cluster-jobs/kubernetes"
VERSIONS = ("1.29", "1.31", "1.33")


def schemas():
    """The package, in a folder of its own below build/."""
    place = ROOT / "build/kubernetes-validate"
    python = place / "bin/python"
    if not (place / "ready").exists():
        try:
            venv.create(place, with_pip=True, clear=True)
            subprocess.run([python, "-m", "pip", "install", "-q", "kubernetes-validate", "PyYAML"],
                           check=True, timeout=300)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"not run: kubernetes-validate can't be installed: {error}")
            sys.exit(77)
        (place / "ready").touch()
    if pathlib.Path(sys.prefix).resolve() != place.resolve():
        sys.exit(subprocess.run([python, __file__]).returncode)


def refused(validate, document, version):
    try:
        validate.validate(document, version, strict=True)
    except validate.ValidationError:
        return True
    return False


def main():
    schemas()
    import kubernetes_validate
    import yaml
    documents = []
    for path in sorted(MANIFESTS.glob("*.yaml")):
        documents += [(path.name, document) for document in yaml.safe_load_all(path.read_text())]
    jobs = [document for _, document in documents if document["kind"] == "Job"]
    assert len(jobs) == 2 and len(documents) == 3, [name for name, _ in documents]
    for version in VERSIONS:
        for name, document in documents:
            kubernetes_validate.validate(document, version, strict=True)
        # The schema does refuse: a field that there isn't, and a number that is a word.
        for wrong in ({"completion": 8}, {"completions": "many"}):
            broken = copy.deepcopy(jobs[0])
            broken["spec"].update(wrong)
            assert refused(kubernetes_validate, broken, version), wrong
        print(f"ok: {len(documents)} documents, Kubernetes {version}")
    campaign = next(job for job in jobs if job["metadata"]["name"] == "detcd-campaign")["spec"]
    command = campaign["template"]["spec"]["containers"][0]["args"][0]
    assert f"+ 1))\" {campaign['completions']} /store" in command, command
    assert campaign["completionMode"] == "Indexed"
    print("ok: the command names as many shards as there are completions")


if __name__ == "__main__":
    main()
