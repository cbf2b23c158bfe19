//! Which texts lose a secret, and which ordinary ones stay as they are.
//!
//! The secrets are made here from parts, so that no scanner takes this file for a leak.

use groundcrew_logs::Redactor;

/// All that went wrong, so that one run shows it.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn unless(&mut self, right: bool, what: String) {
        if !right {
            self.0.push(what);
        }
    }
}

impl Drop for Wrong {
    fn drop(&mut self) {
        assert!(self.0.is_empty(), "{} wrong:\n{}", self.0.len(), self.0.join("\n"));
    }
}

fn redact(text: &str) -> String {
    Redactor::new(b"key").redact(text).text
}

/// Random letters and digits, the same each time.
fn random(length: usize) -> String {
    "A1b2C3d4E5f6G7h8J9k0L1m2N3p4Q5r6S7t8U9v0W1x2Y3z4".chars().cycle().take(length).collect()
}

fn hexadecimal(length: usize) -> String {
    "8f14e45fceea167a5a36dedd4bea2543".chars().cycle().take(length).collect()
}

/// Secrets with a form of their own.
fn shapes() -> Vec<(&'static str, String)> {
    vec![
        ("jwt", format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.{}", random(43))),
        ("aws id", format!("AKIA{}", "IOSFODNN7EXAMPLE")),
        ("aws session token", format!("IQoJb3JpZ2lu{}", random(120))),
        ("google api key", format!("AIza{}", random(35))),
        ("google oauth", format!("ya29.{}", random(60))),
        ("google client secret", format!("GOCSPX-{}", random(28))),
        ("azure client secret", format!("abc8Q~{}", random(34))),
        ("github", format!("ghp_{}", random(36))),
        ("github app", format!("ghs_{}", random(36))),
        ("github fine grained", format!("github_pat_{}_{}", random(22), random(59))),
        ("gitlab", format!("glpat-{}", random(20))),
        ("npm", format!("npm_{}", random(36))),
        ("pypi", format!("pypi-{}", random(80))),
        ("rust registry", format!("cio{}", random(32))),
        ("docker", format!("dckr_pat_{}", random(27))),
        ("slack bot", format!("xoxb-{}-{}-{}", "1234567890", "1234567890123", random(24))),
        ("slack hook", format!("https://hooks.slack.com/services/T0AAAAAAA/B0BBBBBBB/{}", random(24))),
        ("stripe", format!("sk_live_{}", random(24))),
        ("stripe hook", format!("whsec_{}", random(32))),
        ("twilio", format!("SK{}", hexadecimal(32))),
        ("sendgrid", format!("SG.{}.{}", random(22), random(43))),
        ("telegram", format!("{}:AA{}", "110201543", random(33))),
        ("discord bot", format!("MTA{}.Gh4k2z.{}", random(23), random(38))),
        ("discord hook", format!("https://discord.com/api/webhooks/{}/{}", "123456789012345678", random(68))),
        ("model", format!("sk-proj-{}", random(48))),
        ("model 2", format!("sk-ant-api03-{}", random(90))),
        ("model 3", format!("hf_{}", random(34))),
        ("model 4", format!("gsk_{}", random(52))),
        ("vault", format!("hvs.{}", random(90))),
        ("age", format!("AGE-SECRET-KEY-1{}", "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L".repeat(2).split_at(58).0)),
        ("password hash", format!("$2b$12${}", random(53))),
    ]
}

/// What may stand around a secret.
const AROUND: [(&str, &str); 16] = [
    ("", ""),
    ("2026-11-05T10:00:00Z ERROR shop.auth could not use ", " for the upload"),
    ("failed with key \"", "\" (401)"),
    ("{'x': '", "'}"),
    ("{\"level\":\"error\",\"x\":\"", "\"}"),
    ("{\\\"x\\\":\\\"", "\\\"}"),
    ("value=", ";"),
    ("GET /x?y=", "&z=1 200"),
    ("x: ", ""),
    ("[", "]"),
    ("<x>", "</x>"),
    ("(", ")"),
    ("first line\n  second ", "\nthird"),
    ("--with ", " --more"),
    ("ünï ", " çødé"),
    ("a,", ",b"),
];

#[test]
fn a_secret_with_a_form_of_its_own_goes_wherever_it_stands_and_what_is_around_stays() {
    let mut wrong = Wrong::default();
    for (kind, secret) in shapes() {
        for (before, behind) in AROUND {
            let text = format!("{before}{secret}{behind}");
            let redacted = redact(&text);
            let tail = &secret[secret.len() - 8..];
            wrong.unless(!redacted.contains(tail), format!("{kind}: {redacted}"));
            wrong.unless(
                redacted.starts_with(before) && redacted.ends_with(behind),
                format!("{kind}: {text} became {redacted}"),
            );
        }
    }
}

#[test]
fn a_secret_behind_a_telling_name_goes_however_it_is_written() {
    let mut wrong = Wrong::default();
    for text in [
        "password=Hunter2secret",
        "password = Hunter2secret",
        "password: Hunter2secret",
        "Password:Hunter2secret",
        "\"password\": \"Hunter2secret\"",
        "\"password\":\n    \"Hunter2secret\"",
        "{\\\"password\\\": \\\"Hunter2secret\\\"}",
        "{\\\\\\\"password\\\\\\\":\\\\\\\"Hunter2secret\\\\\\\"}",
        "{'password': 'Hunter2secret'}",
        "{'password': b'Hunter2secret'}",
        "{\"password\"=>\"Hunter2secret\"}",
        "{:password=>\"Hunter2secret\"}",
        "{password: \"Hunter2secret\", user: \"bob\"}",
        "#<User id: 1, @password=\"Hunter2secret\">",
        "&{Host:db Password:Hunter2secret Port:5432}",
        "map[password:[Hunter2secret] user:[bob]]",
        "{name=bob, password=Hunter2secret, id=3}",
        "User(name=bob, password=Hunter2secret)",
        "Config { password: Some(\"Hunter2secret\"), port: 1 }",
        "<password>Hunter2secret</password>",
        "<db:Password>Hunter2secret</db:Password>",
        "<add key=\"Password\" value=\"Hunter2secret\" />",
        "{\"name\":\"DB_PASSWORD\",\"value\":\"Hunter2secret\"}",
        "- name: DB_PASSWORD\n  value: Hunter2secret",
        "db:\n  user: bob\n  password: Hunter2secret\n",
        "password: |\n    Hunter2secret",
        "DB_PASSWORD=Hunter2secret USER=bob",
        "export PGPASSWORD='Hunter2secret'",
        "set MYSQL_PWD=Hunter2secret",
        "Server=db;User Id=sa;Password=Hunter2secret;Encrypt=true",
        "host=db user=app password=Hunter2secret dbname=x",
        "app login --password Hunter2secret --user bob",
        "['app', '--password', 'Hunter2secret']",
        "mysqldump -h db -u root -pHunter2secret shop",
        "sshpass -p Hunter2secret ssh bob@host",
        "curl -s -u bob:Hunter2secret https://example.org/",
        "wget --http-password=Hunter2secret https://example.org/",
        "POST /login user=bob&password=Hunter2secret&next=/",
        "/login%3Fpassword%3DHunter2secret%26next%3D1",
        "\"url\":\"/x?a=1\\u0026password\\u003dHunter2secret\\u0026b=2\"",
        "&quot;password&quot;: &quot;Hunter2secret&quot;",
        "CREATE USER bob IDENTIFIED BY 'Hunter2secret'",
        "ALTER ROLE bob WITH PASSWORD 'Hunter2secret'",
        "your new password is Hunter2secret",
        "PASSWORD => Hunter2secret",
        "passphrase=Hunter2secret",
        "spring.datasource.password = Hunter2secret",
        "_authToken=Hunter2secret99",
        "//npm.example.org/:_authToken=Hunter2secret99",
        "{\"auths\":{\"r.example.org\":{\"auth\":\"Hunter2secret99\"}}}",
        "client_secret=Hunter2secret",
        "clientSecret: Hunter2secret",
        "X-Api-Key: Hunter2secret99",
        "x-vault-token: Hunter2secret99",
        "aws_secret_access_key = Hunter2secret/MI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        "AccountName=x;AccountKey=Hunter2secretAAAA/BBBB+CCCC==;EndpointSuffix=core",
        "https://x.blob.example.net/a?sv=2022&sig=Hunter2secret%2Babcdef%3D&se=2026",
        "https://b.example.org/k?X-Amz-Date=2026&X-Amz-Signature=Hunter2secret0123456789abcdef0123456789",
        "https://b.example.org/k?X-Goog-Signature=Hunter2secret0123456789abcdef0123456789&x=1",
        "GET /callback?code=Hunter2secret0AX4XfWh&state=1",
        "Authorization: Basic Hunter2secretdXNlcjpw",
        "authorization: Bearer Hunter2secret123",
        "Proxy-Authorization: Basic Hunter2secretdXNlcjpw==",
        "> Authorization: token Hunter2secret99",
        "'Authorization': 'Bearer Hunter2secret123'",
        "{\\\"Authorization\\\":\\\"Bearer Hunter2secret123\\\"}",
        "('authorization', 'Basic Hunter2secretdXNlcjpw')",
        "Authorization: Digest username=\"bob\", realm=\"x\", response=\"Hunter2secret\"",
        "Authorization: AWS4-HMAC-SHA256 Credential=AKIAX/2026/us/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=Hunter2secret99",
        "GET / HTTP/1.1\\r\\nAuthorization: Bearer Hunter2secret123\\r\\nHost: x",
        "curl -H 'Authorization: Bearer Hunter2secret123' https://example.org",
        "authorization=\"Bearer Hunter2secret123\" status=401",
        "Authorization: Hunter2secret99",
        "Cookie: theme=dark; sid=Hunter2secret; x=1",
        "Set-Cookie: sid=Hunter2secret; Path=/; HttpOnly",
        "set-cookie: a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/, sid=Hunter2secret",
        "'Cookie': 'sid=Hunter2secret'",
        "cookies={'sid': 'Hunter2secret'}",
        "\"set-cookie\":[\"sid=Hunter2secret; Path=/\"]",
        "GET /a;jsessionid=Hunter2secret99ABCDEF HTTP/1.1",
        "PHPSESSID=Hunter2secret99abcdef",
        "postgres://app:Hunter2secret@db:5432/shop",
        "mongodb+srv://app:Hunter2secret@cluster/x?y=1",
        "redis://:Hunter2secret@cache/0",
        "amqp://app:p@Hunter2secret@mq//",
        "postgres://app:a/Hunter2secret@db/shop",
        "mysql://app:Hunter2%40secret@db/shop",
        "https://Hunter2secret0123456789abcdef@git.example.org/x.git",
        "url=https%3A%2F%2Fapp%3AHunter2secret%40db%2Fx",
        "app:Hunter2secret@tcp(127.0.0.1:3306)/shop",
        "using AKIAIOSFODNN7EXAMPLE:Hunter2secret/K7MDENG/bPxRfiCYEXAMPLEKEY to sign",
        "\"kty\":\"EC\",\"d\":\"Hunter2secretHunter2secretHunter2secretHunter2\"",
    ] {
        let redacted = redact(text);
        let left = redacted.replace("%40", "").to_lowercase();
        wrong.unless(
            !left.contains("hunter2") && !left.contains("secret0") && !left.contains("2secret"),
            format!("{text}\nbecame {redacted}"),
        );
        wrong.unless(redacted.contains("[redacted:"), format!("{text} became {redacted}"));
    }
}

#[test]
fn the_words_around_a_named_secret_stay() {
    let mut wrong = Wrong::default();
    for (text, before, behind) in [
        ("user=bob password=Hunter2secret id=7", "user=bob password=", " id=7"),
        ("{\"a\":1,\"token\":\"Hunter2secret\",\"b\":2}", "{\"a\":1,\"token\":\"", "\",\"b\":2}"),
        ("Authorization: Bearer Hunter2secret123 for bob", "Authorization: Bearer ", " for bob"),
        ("cookie=\"sid=Hunter2secret\" status=200", "cookie=\"", "\" status=200"),
        ("Cookie: sid=Hunter2secret; a=b took 3ms", "Cookie: ", " took 3ms"),
        ("postgres://app:Hunter2secret@db:5432/shop failed", "postgres://app:", "@db:5432/shop failed"),
        ("a?password=Hunter2secret&b=1", "a?password=", "&b=1"),
        ("Server=db;Password=Hunter2secret;Port=1", "Server=db;Password=", ";Port=1"),
        ("run --token Hunter2secret --fast", "run --token ", " --fast"),
    ] {
        let redacted = redact(text);
        wrong.unless(
            redacted.starts_with(before) && redacted.ends_with(behind),
            format!("{text} became {redacted}"),
        );
    }
}

fn key(begin: &str, end: &str, line: usize) -> String {
    let body: String = (0..4).map(|n| format!("{}{}\n", n, &random(line)[1..])).collect();
    format!("-----{begin}-----\n{body}lastPart9Zz==\n-----{end}-----")
}

#[test]
fn a_private_key_goes_whole_however_its_lines_are_written() {
    let mut wrong = Wrong::default();
    let pem = key("BEGIN RSA PRIVATE KEY", "END RSA PRIVATE KEY", 64);
    let ssh = key("BEGIN OPENSSH PRIVATE KEY", "END OPENSSH PRIVATE KEY", 70);
    let pgp = format!(
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: x 1.2\n\n{0}\n{0}\nlastPart9Zz\n=aB3d\n-----END PGP PRIVATE KEY BLOCK-----",
        random(64)
    );
    let encrypted = pem.replacen(
        '\n',
        "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A1B2C3D4E5F60718293A4B5C6D7E8F9\n\n",
        1,
    );
    let putty = format!(
        "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: x\nPublic-Lines: 1\nAAAAC3NzaC1lZDI1NTE5\nPrivate-Lines: 2\n{}\nlastPart9Zz==\nPrivate-MAC: {}",
        random(64),
        hexadecimal(64)
    );
    for block in [&pem, &ssh, &pgp, &encrypted, &putty] {
        for text in [
            block.clone(),
            format!("before\n{block}\nbehind it all"),
            block.replace('\n', "\r\n"),
            block.replace('\n', "\\n"),
            block.replace('\n', "\\r\\n"),
            format!("{{\"private_key\": \"{}\", \"x\": 1}}", block.replace('\n', "\\n")),
            format!("{{\\\"private_key\\\": \\\"{}\\\"}}", block.replace('\n', "\\\\n")),
            block.replace('\n', "\n    "),
            block.replace('\n', "\n2026-11-05 10:00:00,123 INFO shop.keys "),
            block.replace('\n', "\n> "),
            block.lines().map(|line| format!("\"{line}\\n\" +\n")).collect(),
            block[..block.len() - 60].to_owned(),
            block[..block.len() / 2].to_owned(),
        ] {
            let redacted = redact(&text);
            for part in ["A1b2C3d4", "1b2C3d4E5", "lastPart9"] {
                wrong.unless(!redacted.contains(part), format!("{text}\nbecame\n{redacted}"));
            }
        }
    }
    let cut = &pem[pem.len() / 2..];
    wrong.unless(!redact(cut).contains("lastPart9"), redact(cut));
    assert!(redact(&format!("before\n{pem}\nbehind it all")).ends_with("\nbehind it all"));
}

/// Lines in the style of many programs that speak of secrets, or look like some, and hold none.
const ORDINARY: &str = r##"
2026-11-05T10:00:00Z INFO shop.http GET /cart/2186 200 12ms
Dec 10 06:55:48 web0 sshd[24200]: Failed password for invalid user webmaster from 173.234.31.186 port 38926 ssh2
Dec 10 06:55:48 web0 sshd[24200]: Failed none for invalid user test9 from 173.234.31.186 port 38926 ssh2
Dec 10 06:55:48 web0 sshd[24200]: pam_unix(sshd:auth): check pass; user unknown
Dec 10 06:55:48 web0 sshd[24200]: Accepted publickey for git from 10.0.0.7 port 50514 ssh2: ED25519 SHA256:mVPwvezndPv/ARoIadVY98vAC0g+P/5633yTC4d/wXE
Dec 10 06:55:48 web0 sshd[24200]: Accepted password for bob from 10.0.0.7 port 50514 ssh2
Dec 10 06:55:48 web0 unix_chkpwd[1234]: password check failed for user (root)
Dec 10 06:55:48 web0 passwd[3231]: pam_unix(passwd:chauthtok): password changed for bob
Dec 10 06:55:48 web0 sudo: pam_unix(sudo:auth): authentication failure; logname= uid=1000 euid=0 tty=/dev/pts/0 ruser=bob rhost=  user=bob
Dec 10 06:55:48 web0 sudo:     bob : TTY=pts/0 ; PWD=/home/bob ; USER=root ; COMMAND=/usr/bin/apt update
Dec 10 06:55:48 kdc krb5kdc[2212]: AS_REQ (4 etypes {18 17 16 23}) 10.0.0.5: NEEDED_PREAUTH: bob@EXAMPLE.ORG for krbtgt/EXAMPLE.ORG@EXAMPLE.ORG, Additional pre-authentication required
Dec 10 06:55:48 kdc krb5kdc[2212]: TGS_REQ (4 etypes {18 17 16 23}) 10.0.0.5: ISSUE: authtime 1607583348, etypes {rep=18 tkt=18 ses=18}, bob@EXAMPLE.ORG for host/web0@EXAMPLE.ORG
debug1: Server host key: ssh-ed25519 SHA256:mVPwvezndPv/ARoIadVY98vAC0g+P/5633yTC4d/wXE
debug1: kex: host key algorithm: ssh-ed25519
The authenticity of host 'git.example.org (10.0.0.1)' can't be established, RSA key fingerprint is SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8.
password reset for user 42 sent
user 12 asked for a new password: mail sent
password must have at least 8 characters
{"password":["This field is required."]}
{"errors":{"password":"must be at least 8 characters","token":"is invalid"}}
{"password": null, "token": "", "secret": false}
password: required
token expired at 2026-11-05T10:00:00Z
the token has expired
invalid token: unexpected end
SyntaxError: Unexpected token '<', "<!DOCTYPE "... is not valid JSON
SyntaxError: Unexpected token } in JSON at position 42
unexpected token: identifier
yacc: syntax error at token 'END'
ERROR: syntax error at or near "password" at character 15
SELECT id, name, password FROM users WHERE email = $1
INSERT INTO users (name, password, token) VALUES ($1, $2, $3)
ALTER TABLE users ADD COLUMN password varchar(255) NOT NULL
UPDATE users SET password = ? WHERE id = ?
ERROR: null value in column "password" violates not-null constraint
ERROR 1045 (28000): Access denied for user 'root'@'localhost' (using password: YES)
FATAL:  password authentication failed for user "postgres"
FATAL:  no pg_hba.conf entry for host "10.0.0.7", user "app", database "shop", SSL off
WARNING: CREATE UNIQUE INDEX users_token_key: duplicate key value violates unique constraint "users_token_key"
DETAIL:  Key (token)=(null) already exists.
Duplicate entry '42' for key 'PRIMARY'
primary key: id
foreign_key=user_id on orders
cache key: user:42:profile
key=value pairs are sorted by key
KeyError: 'password'
KeyError: 'secret_key'
AttributeError: 'Settings' object has no attribute 'SECRET_KEY'
django.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be empty.
    return check(password=password, token=self.token)
    client = Client(api_key=os.environ["API_KEY"])
    token = get_token(request)
    password: str = Field(...)
    def login(self, user, password=None):
    if (token === undefined) { throw new Error("token is missing") }
    const { password, ...rest } = user;
    let secret = config.secret;
token=None secret='' password=***
password=%s token={token} secret=${SECRET} api_key=<your-key>
Usage: app login --user NAME --password PASSWORD
use --token to give a token, or --password-file FILE
error: unrecognized option '--token'
error: --password is required
tokens=1200 max_tokens=4096 token_count: 17
usage: prompt_tokens=812, completion_tokens=233, total_tokens=1045
{"usage":{"prompt_tokens":812,"completion_tokens":233},"tokens":1045}
rate limit reached: limit 30000 tokens per minute, used 29000
token_type=bearer password_length=12 secret_name=db/main
{"token_type":"Bearer","expires_in":3600}
bearer of bad news
Bearer token is missing
WWW-Authenticate: Basic realm="shop"
WWW-Authenticate: Bearer realm="https://auth.example.org/token",service="registry.example.org"
Authorization: none
Authorization header is missing
authorization failed: user bob has no role admin
X-Frame-Options: DENY; Cookie policy: strict
cookie consent given
Cookie: none
secret santa list: 3 names
MountVolume.SetUp failed for volume "default-token-x7k2p" : secret "default-token-x7k2p" not found
kubelet: Unable to retrieve pull secret default/registry for default/web-7d9f8b6c5-x2x4z due to secret "registry" not found
I1105 10:00:00.000000       1 token_controller.go:410] created token for serviceaccount default/builder
secret/db-credentials created
pod/web-7d9f8b6c5-x2x4z configured
Successfully pulled image "registry.example.org/team/app@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" in 1.2s
image registry.example.org/team/app:7d9f8b6c5a4e3f2b1c0d9e8f7a6b5c4d3e2f1a0b
commit 9f3c1ab2d4e5f60718293a4b5c6d7e8f90a1b2c3
index 9f3c1ab..d4e5f60 100644
HEAD is now at 9f3c1ab2d4 Merge branch 'token-refresh'
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  shop.tar.gz
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
"integrity": "sha512-v2kDEe57lecTulaDIuNTPy3Ry4gLGJ6Z1O3vE1krgXZNrsQ+LFTGHVxVjcXPs17LhbZVGedAJv8XZ1tvj5FvSg==",
  resolved "https://registry.example.org/lodash/-/lodash-4.17.21.tgz#679591c564c3bffaae8454cf0b3df370c3d6911c"
  integrity sha512-v2kDEe57lecTulaDIuNTPy3Ry4gLGJ6Z1O3vE1krgXZNrsQ+LFTGHVxVjcXPs17LhbZVGedAJv8XZ1tvj5FvSg==
checksum = "c982642fa9e8606056828ee9a8505737230110bb1099153c79efe865c59d12ba"
<script src="app.js" integrity="sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC" crossorigin="anonymous"></script>
<link rel="stylesheet" href="/static/app.9f3c1ab2.css">
<input type="password" name="password" placeholder="Password" required>
<label for="password">Password</label>
<a href="https://example.org/reset-password">Forgot your password?</a>
.password { color: #ff00aa; background: url(data:image/png;base64,iVBORw0KGgo=) }
.btn-key:hover { transition: all .2s; }
input[type=password]:focus { outline: 1px solid }
request 550e8400-e29b-41d4-a716-446655440000 done
req-38101a0b-2096-447d-96ea-a692162415ae 113d3a99c3da401fbd62cc2caa5b96d2 54fadb412c4e40cdbaed9335e4c35a9e - - -
trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7
X-Request-Id: 7f3a10b2-6d1c-4b1e-9a55-5e1f0b9d2c11
etag: W/"5e1f0b9d2c117f3a10b26d1c4b1e9a55"
see https://example.org/path?id=3#x and mail bob@example.org
connecting to postgres://db:5432/shop
connecting to postgres://app@db:5432/shop
git@git.example.org:team/app.git
ssh://git@git.example.org:2222/team/app.git
npm http fetch GET 200 http://localhost:4873/@scope/pkg 12ms
GET https://example.org:443/@bob/status/1 200
fetching https://cdn.example.org/npm/vue@3.4.21/dist/vue.js
https://example.org/users/bob@example.org/orders
jdbc:postgresql://db:5432/shop?sslmode=require
mailto:bob@example.org?subject=token
File "/srv/app/tokens/secret.py", line 3, in token
    at com.example.auth.TokenFilter.doFilter(TokenFilter.java:42)
    at org.springframework.security.web.authentication.UsernamePasswordAuthenticationFilter.attemptAuthentication(UsernamePasswordAuthenticationFilter.java:85)
org.springframework.security.authentication.BadCredentialsException: Bad credentials
javax.crypto.BadPaddingException: Given final block not properly padded. Such issues can arise if a bad key is used during decryption.
Caused by: java.security.InvalidKeyException: Illegal key size
java.io.IOException: keystore password was incorrect
Keystore was tampered with, or password was incorrect
BLOCK* NameSystem.addStoredBlock: blockMap updated: 10.251.43.21:50010 is added to blk_-1608999687919862906 size 67108864
INFO security.UserGroupInformation: Login successful for user app@EXAMPLE.ORG using keytab file /etc/security/app.keytab
Executing with tokens: Kind: YARN_AM_RM_TOKEN, Service: , Ident: (appAttemptId { application_id { id: 20 cluster_timestamp: 1445144423722 } attemptId: 1 } keyId: -127633188)
Upgraded key for token master key 7
attempt_1445144423722_0020_m_000000_0: Token: retrieved
SecurityManager: authentication disabled; ui acls disabled; users with view permissions: Set(yarn, curi)
master_key_id=12 private_key_path=/etc/ssl/private/shop.pem
ssl_certificate_key /etc/nginx/tls/shop.key;
client-key: /var/lib/kubelet/pki/client.key
private_key: /etc/ssl/private/key.pem
token_file=/var/run/secrets/kubernetes.io/serviceaccount/token
Reading secret from /run/secrets/db_password
-----BEGIN CERTIFICATE-----
-----BEGIN PUBLIC KEY-----
========================================================================
------------------------------------------------------------------------
sk-learn task-1 risk-assessment-for-the-whole-department
disk-0123456789-backup ask-me-anything-about-the-weather-today
the npm_config_cache folder is /root/.npm
npm_package_name=shop npm_lifecycle_event=test
PASS src/login/password.test.js
 PASS  src/token.test.ts (5.2 s)
test auth::password_is_checked ... ok
compass: 270 degrees, bypass=true, passthrough: on
pin=7 mode=out
exit code=137 status code: 503
error code=ECONNREFUSED errno=-111
author: Bob; authority: example.org
signature verification failed: bad signature
signature=valid, sig: ok
Signed-off-by: Bob <bob@example.org>
user=bob tty=pts/0 session=12 opened
session_id=42 user_id=7
systemd[1]: Started Session 4211 of user root.
Created slice user-1000.slice - User Slice of UID 1000.
2026-11-05 10:00:00,000 [main] DEBUG o.h.SQL - select u.id, u.password_hash from users u
CRYPTO: peer 10.0.0.1 key exchange: curve25519-sha256, cipher: aes256-gcm@openssh.com
TLS handshake: cipher=TLS_AES_256_GCM_SHA384 key_share=x25519
access key rotation finished for 3 keys
api key: disabled
API key is invalid
auth=ok user=bob
auth: mechanism=PLAIN result=success
credentials: omit
credentials=include mode=cors
Loaded 3 credentials from keychain
{"kind":"Secret","metadata":{"name":"db-password","namespace":"default"}}
set-password: success
Enter passphrase for key '/home/bob/.ssh/id_ed25519':
Password:
password=
wal_level=replica max_connections=100 primary_conninfo=
AKIA is the prefix of access keys
the header eyJ marks a token
F/ActivityManager( 1234): Permission denial: reading token provider from pid=42, uid=10001
03-17 16:13:38.811  1702  2395 D WindowManager: printFreezingDisplayLogsopening app wtoken = AppWindowToken{9f4ef63 token=Token{a64f992 ActivityRecord{de9231d u0 com.example/.Main t761}}}
{"@timestamp":"2026-11-05T10:00:00Z","log.level":"info","message":"token refreshed","user":"bob"}
"##;

#[test]
fn ordinary_lines_stay_as_they_are() {
    let mut wrong = Wrong::default();
    let lines: Vec<&str> = ORDINARY.lines().filter(|line| !line.is_empty()).collect();
    assert!(lines.len() >= 150, "{}", lines.len());
    for line in lines {
        let redacted = redact(line);
        wrong.unless(redacted == line, format!("{line}\nbecame {redacted}"));
    }
}

#[test]
fn hardly_any_line_of_real_systems_changes() {
    let folder = std::path::Path::new("/work/shared/data/logs");
    let Ok(systems) = std::fs::read_dir(folder) else {
        eprintln!("skipped: there are no logs of real systems in {}", folder.display());
        return;
    };
    let mut wrong = Wrong::default();
    for system in systems.filter_map(Result::ok).filter(|system| system.path().is_dir()) {
        let files = std::fs::read_dir(system.path()).unwrap().filter_map(Result::ok);
        for file in files.filter(|file| file.path().extension().is_some_and(|end| end == "log")) {
            let text = String::from_utf8_lossy(&std::fs::read(file.path()).unwrap()).into_owned();
            let changed: Vec<String> =
                text.lines().filter(|line| redact(line) != *line).map(redact).collect();
            let lines = text.lines().count();
            eprintln!("{}: {} of {lines} lines changed", file.path().display(), changed.len());
            wrong.unless(changed.len() * 1000 < lines, changed.join("\n"));
        }
    }
}

#[test]
fn a_private_key_that_was_logged_line_by_line_is_one_secret_of_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.log");
    let pem = key("BEGIN RSA PRIVATE KEY", "END RSA PRIVATE KEY", 64);
    let text: String = pem
        .lines()
        .chain(["done with it"])
        .enumerate()
        .map(|(n, line)| format!("2026-11-05 10:00:{n:02},123 INFO shop.keys: {line}\n"))
        .collect();
    std::fs::write(&path, text).expect("a file");
    let mut options = groundcrew_logs::ScanOptions::new(Redactor::new(b"key"));
    options.flush = true;
    let scan = groundcrew_logs::scan(&path, None, &options).expect("it can be read");
    let texts: Vec<&str> = scan.records.iter().map(|record| record.text.as_str()).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(!texts[0].contains("lastPart9") && !texts[0].contains("A1b2C3"), "{texts:?}");
    assert!(texts[1].ends_with("done with it"), "{texts:?}");
}
