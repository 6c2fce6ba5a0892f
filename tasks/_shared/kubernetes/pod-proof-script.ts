/** For the braces of the shell, which a template would take for its own. */
const $ = '$';

/**
 * What the pod of a proof runs: POSIX sh and curl, nothing else. It exchanges its token file at Entra for a token of the vault (or of Azure Resource Manager), asks for each secret, and
 * writes one line, the verdict, to where the kubelet takes the reason of an end from. No token, secret or claim is printed, written or handed over as an argument: the assertion and the
 * token go to curl through its standard input, and answers are read for a code, or not at all. A grant takes minutes to act, so that what may still come is asked for again until the
 * deadline.
 *
 * Verdicts: `identity missing NAME`; `token ok`, `token CODE` (AADSTS number, HTTP status) or `token 000 curl N`, and behind it `; secret NAME STATUS` or
 * `; secret NAME 000 curl N` for each secret.
 *
 * Source of the exchange: Entra docs, client credentials with a certificate or federated credential; of the codes that pass: azure/token-exchange.ts.
 */
export const podProofScript = String.raw`set -u
verdict() { printf '%s' "$1" > "$WI_VERDICT"; exit "$2"; }
for name in AZURE_CLIENT_ID AZURE_TENANT_ID AZURE_FEDERATED_TOKEN_FILE AZURE_AUTHORITY_HOST; do
  eval 'value=${$}{'"$name"':-}'
  [ -n "$value" ] || verdict "identity missing $name" 1
done
[ -r "$AZURE_FEDERATED_TOKEN_FILE" ] || verdict 'identity missing token file' 1
until=$(( $(date +%s) + WI_SECONDS ))
ask() { curl --silent --max-time 20 --proto =https "$@"; }
again() { [ "$(date +%s)" -lt "$until" ] && sleep "$WI_PAUSE"; }

while :; do
  answer=$({ printf 'grant_type=client_credentials&client_id=%s&scope=%s&client_assertion_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Aclient-assertion-type%%3Ajwt-bearer&client_assertion=' "$AZURE_CLIENT_ID" "$WI_SCOPE"; tr -d '\r\n' < "$AZURE_FEDERATED_TOKEN_FILE"; } |
    ask --data-binary @- --write-out '\n%{http_code}' "${$}{AZURE_AUTHORITY_HOST%/}/$AZURE_TENANT_ID/oauth2/v2.0/token")
  failed=$?
  status=$(printf '%s\n' "$answer" | tail -n 1)
  token=$(printf '%s\n' "$answer" | sed -n 's/.*"access_token" *: *"\([^"]*\)".*/\1/p')
  [ "$status" = 200 ] && [ -n "$token" ] && break
  code=$(printf '%s\n' "$answer" | sed -n 's/.*"error_codes" *: *\[ *\([0-9]*\).*/\1/p')
  answer=
  if [ "$failed" -ne 0 ]; then found="token 000 curl $failed"; else found="token ${$}{code:+AADSTS}${$}{code:-$status}"; fi
  case "$failed:$code" in
    0:70021|0:70025|0:700211|0:700212|0:700213|0:700016) ;;
    0:*) [ "$status" -ge 500 ] || [ "$status" -eq 429 ] || verdict "$found" 1 ;;
  esac
  again || verdict "$found" 1
done
answer=

said='token ok'
ended=0
for secret in $WI_SECRETS; do
  while :; do
    status=$(printf 'header = "Authorization: Bearer %s"\n' "$token" | ask --config - --output /dev/null --write-out '%{http_code}' "$WI_VAULT/secrets/$secret?api-version=$WI_API")
    failed=$?
    if [ "$failed" -ne 0 ]; then found="000 curl $failed"; else found=$status; fi
    case "$found" in
      200) break ;;
      403|429|5??|000*) again || break ;;
      *) break ;;
    esac
  done
  [ "$found" = 200 ] || ended=1
  said="$said; secret $secret $found"
done
verdict "$said" "$ended"
`;
