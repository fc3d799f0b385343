#!/bin/sh
# bill_of_materials.sh VERSION CREATED: what is in the image, from dpkg, as SPDX 2.3 in JSON. What stands in it (names,
# versions, architectures of Debian) has no character that JSON would want escaped.
set -eu
version=$1 created=$2
# Names of packages may have a plus, of versions also a colon and a tilde; package URLs want the first two escaped.
url_part() { printf %s "$1" | sed 's/%/%25/g; s/+/%2B/g; s/:/%3A/g'; }
# SPDX identifiers are letters, digits, "." and "-".
identifier() { printf 'SPDXRef-Package-%s' "$1" | sed 's/+/-plus/g; s/[^A-Za-z0-9.-]/-/g'; }

programs() {
  for program in sallyportd sallyport; do
    sum=$(sha256sum "/usr/bin/$program" | cut -d ' ' -f 1)
    cat << EOF
    {"SPDXID": "SPDXRef-File-$program", "fileName": "./usr/bin/$program", "fileTypes": ["BINARY"],
     "checksums": [{"algorithm": "SHA1", "checksumValue": "$(sha1sum "/usr/bin/$program" | cut -d ' ' -f 1)"},
                   {"algorithm": "SHA256", "checksumValue": "$sum"}],
     "licenseConcluded": "NOASSERTION", "copyrightText": "NOASSERTION"}$1
EOF
    set -- ''
  done
}

list=$(dpkg-query -W -f='${Package} ${Version} ${Architecture} ${source:Package} ${source:Version}\n' | sort)
cat << EOF
{"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": "sallyport-$version",
 "documentNamespace": "urn:sallyport:image:$version:$(sha256sum /usr/bin/sallyportd | cut -c 1-32)",
 "creationInfo": {"created": "$created", "creators": ["Tool: sallyport-image"]},
 "documentDescribes": ["SPDXRef-Package-sallyport"],
 "files": [
$(programs ,)
 ],
 "packages": [
    {"SPDXID": "SPDXRef-Package-sallyport", "name": "sallyport", "versionInfo": "$version", "downloadLocation": "NOASSERTION",
     "filesAnalyzed": false, "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION"}
EOF
echo "$list" | while read -r name package_version architecture source source_version; do
  cat << EOF
   ,{"SPDXID": "$(identifier "$name")", "name": "$name", "versionInfo": "$package_version", "downloadLocation": "NOASSERTION",
     "filesAnalyzed": false, "supplier": "Organization: Debian", "licenseConcluded": "NOASSERTION",
     "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION", "sourceInfo": "source package $source $source_version",
     "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
       "referenceLocator": "pkg:deb/debian/$(url_part "$name")@$(url_part "$package_version")?arch=$architecture&distro=debian-12"}]}
EOF
done
cat << EOF
 ],
 "relationships": [
    {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-Package-sallyport"},
    {"spdxElementId": "SPDXRef-Package-sallyport", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-File-sallyportd"},
    {"spdxElementId": "SPDXRef-Package-sallyport", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-File-sallyport"}
EOF
while read -r name; do
  printf '   ,{"spdxElementId": "SPDXRef-Package-sallyport", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "%s"}\n' "$(identifier "$name")"
done < /usr/share/sallyport/packages
echo ' ]}'
