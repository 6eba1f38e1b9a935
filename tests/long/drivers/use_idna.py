"""Names to and from their ASCII form; refused ones too."""

import idna

for name in ("bücher.example", "例え.テスト", "xn--bcher-kva", "a..b", "-bad-", "ok", "ß.de"):
    try:
        encoded = idna.encode(name, uts46=True)
        print(encoded, idna.decode(encoded))
    except idna.IDNAError as error:
        print(type(error).__name__, error)
