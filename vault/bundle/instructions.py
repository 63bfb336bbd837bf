"""``VERIFY.txt``: how to check a bag by hand. The text belongs to the format: readers rebuild and compare it.

Lines that begin with ``    $ `` are commands to be run in the folder `bag` as they stand.

Spec: docs/formats/bundle.md, "VERIFY.txt".
"""

from __future__ import annotations

from vault.bundle import layout

_TEXT = """\
HOW TO CHECK THIS BAG BY HAND

You do not need the program that made it. You need age and tar to open it, then sha256sum, ssh-keygen and openssl.
Most systems have all of them but age, which is free: package "age", or github.com/FiloSottile/age.
Run the commands (without the $) inside this folder, the one that holds VERIFY.txt. Each of them must succeed.

0. How you came here

    age -d -i YOUR-KEY-FILE -o bundle.tar BUNDLE.age
    tar xf bundle.tar
    cd bag

   If a passphrase was agreed on instead of a key, leave out "-i YOUR-KEY-FILE".

1. The files are the ones that were signed: every line must end with OK

    $ sha256sum -c tagmanifest-sha256.txt
    $ sha256sum -c manifest-sha256.txt

   On macOS write "shasum -a 256 -c" instead of "sha256sum -c".
   On Windows, in PowerShell, nothing may be shown:

    foreach ($line in (Get-Content tagmanifest-sha256.txt, manifest-sha256.txt)) {{
      $digest, $path = $line -split '  ', 2
      if ((Get-FileHash -Algorithm SHA256 -LiteralPath $path).Hash -ne $digest) {{ "WRONG: $path" }}
    }}

2. No other file is here: the command must succeed (it shows nothing)

    $ test "$(find . ! -type d | wc -l)" -eq "$(($(cat manifest-sha256.txt tagmanifest-sha256.txt | wc -l) + 2))"

3. The list of files was signed

    $ ssh-keygen -Y verify -f signers -I {name} -n {namespace} -s tagmanifest-sha256.txt.sig < tagmanifest-sha256.txt

   It must say: Good "{namespace}" signature for {name} with ED25519 key SHA256:...
   On Windows run it in the command prompt (cmd.exe), not in PowerShell.

4. Who signed it

   The key came with the bag. It proves nothing about who made it, and neither does the name "{name}".
   Compare the whole SHA256:... of step 3 with the fingerprint that the sender told you on another way:
   in person, or by voice if you know the voice. If you were told 40 digits, they are the same hash as a number:

    python3 -c 'import base64, hashlib; print("%040d" % (int(hashlib.sha256(
      base64.b64decode(open("signers").read().split()[3])).hexdigest(), 16) % 10**40))'

5. It was made for you

   In data/bundle.json, "key_hashes" in "recipient" must name the SHA-256 of your own public key, the line age1...:

    printf %s YOUR-AGE1-PUBLIC-KEY | sha256sum

   If it does not, somebody else received it from the sender and passed it on.

6. The state of the sender's custody log was signed by the same key

    $ sed '/^$/,$d' data/custody/checkpoint > ../checkpoint.text
    $ sed '1,/^$/d' data/custody/checkpoint | cut -d' ' -f3 | openssl base64 -d -A | tail -c 64 > ../checkpoint.sig
    $ openssl pkeyutl -verify -pubin -inkey signer.pem -rawin -in ../checkpoint.text -sigfile ../checkpoint.sig

What this shows: every file is as it was when the holder of that key signed the list.
What it does not show: when that was (times are claims), that what is told is true, that nothing was left out,
and that data/report.html and data/records/*.json say the same as the signed originals (*.sd-jwt). A program that
knows the format evidence-bundle/1 checks the last one, and every record and log entry on its own.
"""


def verify_text(name: str) -> bytes:
    """Return the bytes of ``VERIFY.txt`` for a bag whose file ``signers`` gives the key this name."""
    return _TEXT.format(name=name, namespace=layout.NAMESPACE).encode()
