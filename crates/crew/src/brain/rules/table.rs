//! Realistic errors of five languages with what they are and where they go.

use groundcrew_core::contract::Route::{self, Developer, Human, Ignore, Security as Careful};
use groundcrew_core::incident::Category::{
    self, CodeBug, Config, Data, Dependency, Flaky, Infrastructure, Resource, Security, Unknown, UserError,
};
use groundcrew_core::incident::Sample;

use super::tests::{facts, frame, sample};
use super::*;

/// Exception, text, expected category, expected route where the crash is in a Python file of the repository.
const PYTHON: &[(&str, &str, Category, Route)] = &[
    ("KeyError", "'quantity'", CodeBug, Developer),
    ("IndexError", "list index out of range", CodeBug, Developer),
    ("TypeError", "unsupported operand type(s) for +: 'int' and 'NoneType'", CodeBug, Developer),
    ("AttributeError", "'NoneType' object has no attribute 'group'", CodeBug, Developer),
    ("ZeroDivisionError", "division by zero", CodeBug, Developer),
    ("UnboundLocalError", "local variable 'total' referenced before assignment", CodeBug, Developer),
    (
        "UnicodeDecodeError",
        "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
        CodeBug,
        Developer,
    ),
    ("RecursionError", "maximum recursion depth exceeded", CodeBug, Developer),
    ("ValueError", "not enough values to unpack (expected 2, got 1)", CodeBug, Developer),
    ("tqdm.cli.TqdmKeyError", "Unknown argument(s): '-'", CodeBug, Developer),
    (
        "requests.exceptions.ConnectionError",
        "HTTPConnectionPool(host='api', port=80): Max retries exceeded",
        Infrastructure,
        Ignore,
    ),
    (
        "requests.exceptions.ReadTimeout",
        "HTTPSConnectionPool(host='api', port=443): Read timed out. (read timeout=5)",
        Infrastructure,
        Ignore,
    ),
    ("urllib.error.URLError", "<urlopen error timed out>", Infrastructure, Ignore),
    ("ConnectionRefusedError", "[Errno 111] Connection refused", Infrastructure, Ignore),
    ("socket.gaierror", "[Errno -2] Name or service not known", Infrastructure, Ignore),
    (
        "redis.exceptions.ConnectionError",
        "Error 111 connecting to localhost:6379. Connection refused.",
        Infrastructure,
        Ignore,
    ),
    ("psycopg2.OperationalError", "could not connect to server: Connection refused", Infrastructure, Ignore),
    ("psycopg2.OperationalError", "FATAL:  password authentication failed for user \"shop\"", Config, Human),
    ("psycopg2.OperationalError", "FATAL:  sorry, too many clients already", Resource, Human),
    ("sqlite3.OperationalError", "no such table: orders", Config, Human),
    ("sqlite3.OperationalError", "database is locked", Flaky, Human),
    ("django.db.utils.ProgrammingError", "relation \"orders\" does not exist", Config, Human),
    (
        "sqlalchemy.exc.TimeoutError",
        "QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00",
        Resource,
        Human,
    ),
    (
        "sqlalchemy.orm.exc.StaleDataError",
        "UPDATE statement on table 'cart' expected to update 1 row(s); 0 were matched.",
        Flaky,
        Human,
    ),
    ("psycopg2.errors.DeadlockDetected", "deadlock detected", Flaky, Human),
    (
        "django.db.utils.IntegrityError",
        "duplicate key value violates unique constraint \"users_email_key\"",
        Data,
        Human,
    ),
    (
        "shop.models.Order.MultipleObjectsReturned",
        "get() returned more than one Order -- it returned 2!",
        Data,
        Human,
    ),
    ("json.decoder.JSONDecodeError", "Expecting value: line 1 column 1 (char 0)", Data, Human),
    ("zipfile.BadZipFile", "File is not a zip file", Data, Human),
    ("OSError", "[Errno 28] No space left on device", Resource, Human),
    ("OSError", "[Errno 24] Too many open files: '/tmp/x'", Resource, Human),
    ("MemoryError", "", Resource, Human),
    ("RuntimeError", "can't start new thread", Resource, Human),
    ("ModuleNotFoundError", "No module named 'redis'", Config, Human),
    ("FileNotFoundError", "[Errno 2] No such file or directory: '/etc/shop/settings.yml'", Config, Human),
    ("PermissionError", "[Errno 13] Permission denied: '/var/lib/shop'", Config, Human),
    (
        "django.core.exceptions.ImproperlyConfigured",
        "The SECRET_KEY setting must not be empty.",
        Config,
        Human,
    ),
    ("OSError", "[Errno 98] Address already in use", Config, Human),
    (
        "pydantic_core._pydantic_core.ValidationError",
        "1 validation error for Settings\ndatabase_url\n  Field required",
        Config,
        Human,
    ),
    (
        "pydantic_core._pydantic_core.ValidationError",
        "2 validation errors for Order\nquantity\n  Input should be greater than 0",
        UserError,
        Ignore,
    ),
    ("shop.errors.ValidationError", "quantity must be positive", UserError, Ignore),
    ("werkzeug.exceptions.BadRequestKeyError", "400 Bad Request", UserError, Ignore),
    ("django.http.response.Http404", "No Order matches the given query.", UserError, Ignore),
    ("rest_framework.exceptions.PermissionDenied", "You do not have permission", UserError, Ignore),
    ("jwt.exceptions.ExpiredSignatureError", "Signature has expired", UserError, Ignore),
    ("starlette.requests.ClientDisconnect", "", UserError, Ignore),
    ("django.core.exceptions.DisallowedHost", "Invalid HTTP_HOST header: 'x'", UserError, Ignore),
    (
        "ImportError",
        "libssl.so.1.1: cannot open shared object file: No such file or directory",
        Dependency,
        Human,
    ),
    ("pkg_resources.VersionConflict", "(urllib3 2.0, Requirement.parse('urllib3<2'))", Dependency, Human),
    (
        "jinja2.exceptions.SecurityError",
        "access to attribute '__class__' of 'str' object is unsafe.",
        Security,
        Careful,
    ),
    (
        "jinja2.exceptions.UndefinedError",
        "''.__class__.__mro__[1].__subclasses__() is undefined",
        Security,
        Careful,
    ),
    ("_pickle.UnpicklingError", "invalid load key, 'c'.", Security, Careful),
    ("defusedxml.common.EntitiesForbidden", "EntitiesForbidden(name='xxe')", Security, Careful),
    (
        "FileNotFoundError",
        "[Errno 2] No such file or directory: 'uploads/../../../etc/hosts'",
        Security,
        Careful,
    ),
    (
        "django.core.exceptions.SuspiciousFileOperation",
        "The joined path is located outside of the base path",
        Security,
        Careful,
    ),
    ("sqlite3.OperationalError", "near \"union select\": syntax error", Security, Careful),
    (
        "ValueError",
        "invalid literal for int() with base 10: '1 UNION SELECT password FROM users'",
        Security,
        Careful,
    ),
    (
        "botocore.exceptions.ClientError",
        "An error occurred (AccessDenied) when calling the PutObject operation: Access Denied",
        Config,
        Human,
    ),
    ("kombu.exceptions.OperationalError", "[Errno 111] Connection refused", Infrastructure, Ignore),
    ("celery.exceptions.SoftTimeLimitExceeded", "SoftTimeLimitExceeded()", Resource, Human),
    ("asyncio.exceptions.CancelledError", "", UserError, Ignore),
    (
        "elasticsearch.exceptions.ConnectionTimeout",
        "ConnectionTimeout caused by - ReadTimeoutError",
        Infrastructure,
        Ignore,
    ),
    (
        "grpc._channel._InactiveRpcError",
        "<_InactiveRpcError of RPC that terminated with: status = StatusCode.UNAVAILABLE>",
        Infrastructure,
        Ignore,
    ),
    ("openai.RateLimitError", "Rate limit reached", Resource, Human),
    ("psycopg2.errors.UndefinedColumn", "column \"total\" does not exist", Config, Human),
    ("psycopg2.errors.SyntaxError", "syntax error at or near \"FORM\"", CodeBug, Developer),
    ("shop.models.Order.DoesNotExist", "Order matching query does not exist.", CodeBug, Developer),
    ("decimal.InvalidOperation", "[<class 'decimal.ConversionSyntax'>]", CodeBug, Developer),
    ("smtplib.SMTPServerDisconnected", "Connection unexpectedly closed", Infrastructure, Ignore),
    ("smtplib.SMTPAuthenticationError", "(535, b'Authentication failed')", Config, Human),
    ("RuntimeError", "Event loop is closed", CodeBug, Developer),
    ("urllib3.exceptions.LocationParseError", "Failed to parse: http://.example.com", CodeBug, Developer),
];

/// Exception, text, file, expected category, expected route.
const OTHERS: &[(&str, &str, &str, Category, Route)] = &[
    ("TypeError", "Cannot read properties of undefined (reading 'price')", "src/cart.js", CodeBug, Human),
    ("ReferenceError", "total is not defined", "src/cart.ts", CodeBug, Human),
    ("RangeError", "Maximum call stack size exceeded", "src/tree.js", CodeBug, Human),
    ("Error", "Cannot find module './routes/cart'", "src/app.js", CodeBug, Human),
    ("Error", "Cannot find module 'express'", "src/app.js", Config, Human),
    ("Error", "connect ECONNREFUSED 127.0.0.1:5432", "src/db.js", Infrastructure, Ignore),
    ("Error", "getaddrinfo ENOTFOUND api.internal", "src/db.js", Infrastructure, Ignore),
    ("TypeError", "fetch failed", "src/api.js", Infrastructure, Ignore),
    ("AxiosError", "Request failed with status code 503", "src/api.js", Infrastructure, Ignore),
    ("Error", "socket hang up", "src/api.js", Infrastructure, Ignore),
    ("Error", "listen EADDRINUSE: address already in use :::3000", "src/app.js", Config, Human),
    ("Error", "ENOENT: no such file or directory, open '/etc/shop.json'", "src/app.js", Config, Human),
    ("Error", "EMFILE: too many open files, open '/tmp/x'", "src/app.js", Resource, Human),
    ("Error", "ENOSPC: no space left on device, write", "src/app.js", Resource, Human),
    ("SyntaxError", "Unexpected token < in JSON at position 0", "src/api.js", Data, Human),
    ("MongoServerError", "E11000 duplicate key error collection: shop.users", "src/users.js", Data, Human),
    ("SequelizeUniqueConstraintError", "Validation error", "src/users.js", Data, Human),
    ("ZodError", "Required", "src/cart.ts", UserError, Ignore),
    ("JsonWebTokenError", "jwt malformed", "src/auth.js", UserError, Ignore),
    ("BadRequestError", "request aborted", "src/app.js", UserError, Ignore),
    (
        "java.lang.NullPointerException",
        "Cannot invoke \"Cart.total()\" because \"cart\" is null",
        "src/main/java/shop/Cart.java",
        CodeBug,
        Human,
    ),
    (
        "java.lang.ArrayIndexOutOfBoundsException",
        "Index 3 out of bounds for length 3",
        "src/main/java/shop/Cart.java",
        CodeBug,
        Human,
    ),
    (
        "java.lang.ClassCastException",
        "class A cannot be cast to class B",
        "src/main/java/shop/Cart.java",
        CodeBug,
        Human,
    ),
    (
        "java.net.ConnectException",
        "Connection refused (Connection refused)",
        "src/main/java/shop/Db.java",
        Infrastructure,
        Ignore,
    ),
    (
        "java.net.SocketTimeoutException",
        "Read timed out",
        "src/main/java/shop/Api.java",
        Infrastructure,
        Ignore,
    ),
    ("java.net.UnknownHostException", "api.internal", "src/main/java/shop/Api.java", Infrastructure, Ignore),
    (
        "java.sql.SQLTransientConnectionException",
        "HikariPool-1 - Connection is not available, request timed out after 30000ms.",
        "src/main/java/shop/Db.java",
        Resource,
        Human,
    ),
    ("java.lang.OutOfMemoryError", "Java heap space", "src/main/java/shop/Cart.java", Resource, Human),
    (
        "java.lang.ClassNotFoundException",
        "org.postgresql.Driver",
        "src/main/java/shop/Db.java",
        Config,
        Human,
    ),
    (
        "java.lang.NoSuchMethodError",
        "'void com.fasterxml.Mapper.x()'",
        "src/main/java/shop/Api.java",
        Dependency,
        Human,
    ),
    (
        "org.springframework.beans.factory.UnsatisfiedDependencyException",
        "Error creating bean with name 'cart'",
        "src/main/java/shop/App.java",
        Config,
        Human,
    ),
    (
        "org.springframework.web.bind.MethodArgumentNotValidException",
        "Validation failed for argument [0]",
        "src/main/java/shop/Api.java",
        UserError,
        Ignore,
    ),
    (
        "org.apache.catalina.connector.ClientAbortException",
        "java.io.IOException: Broken pipe",
        "src/main/java/shop/Api.java",
        UserError,
        Ignore,
    ),
    (
        "org.hibernate.exception.ConstraintViolationException",
        "could not execute statement",
        "src/main/java/shop/Db.java",
        Data,
        Human,
    ),
    (
        "javax.validation.ConstraintViolationException",
        "name must not be blank",
        "src/main/java/shop/Api.java",
        UserError,
        Ignore,
    ),
    (
        "org.springframework.orm.ObjectOptimisticLockingFailureException",
        "Row was updated by another transaction",
        "src/main/java/shop/Db.java",
        Flaky,
        Human,
    ),
    ("java.nio.file.AccessDeniedException", "/var/lib/shop", "src/main/java/shop/Files.java", Config, Human),
    (
        "java.io.InvalidClassException",
        "filter status: REJECTED",
        "src/main/java/shop/Api.java",
        Security,
        Human,
    ),
    (
        "java.lang.IllegalArgumentException",
        "${jndi:ldap://x/a}",
        "src/main/java/shop/Api.java",
        Security,
        Human,
    ),
    ("panic", "runtime error: index out of range [3] with length 3", "cart/cart.go", CodeBug, Human),
    (
        "panic",
        "runtime error: invalid memory address or nil pointer dereference",
        "cart/cart.go",
        CodeBug,
        Human,
    ),
    ("panic", "dial tcp 127.0.0.1:5432: connect: connection refused", "cart/db.go", Infrastructure, Ignore),
    ("panic", "lookup api.internal: no such host", "cart/api.go", Infrastructure, Ignore),
    ("panic", "context deadline exceeded", "cart/api.go", Infrastructure, Ignore),
    ("panic", "open /etc/shop.yml: no such file or directory", "cart/main.go", Config, Human),
    ("panic", "pq: duplicate key value violates unique constraint \"users_pkey\"", "cart/db.go", Data, Human),
    ("panic", "unexpected end of JSON input", "cart/api.go", Data, Human),
    ("fatal error", "runtime: out of memory", "cart/cart.go", Resource, Human),
    ("panic", "called `Option::unwrap()` on a `None` value", "src/cart.rs", CodeBug, Human),
    ("panic", "index out of bounds: the len is 3 but the index is 3", "src/cart.rs", CodeBug, Human),
    ("panic", "attempt to subtract with overflow", "src/cart.rs", CodeBug, Human),
    (
        "panic",
        "called `Result::unwrap()` on an `Err` value: Os { code: 111, kind: ConnectionRefused, message: \"Connection refused\" } error trying to connect",
        "src/db.rs",
        Infrastructure,
        Ignore,
    ),
    ("panic", "called `Result::unwrap()` on an `Err` value: NotPresent", "src/main.rs", Config, Human),
    ("panic", "memory allocation of 8589934592 bytes failed", "src/cart.rs", Resource, Human),
    (
        "PrismaClientInitializationError",
        "Can't reach database server at `db`:`5432`",
        "src/db.js",
        Infrastructure,
        Ignore,
    ),
    (
        "MongooseError",
        "Operation `users.findOne()` buffering timed out after 10000ms",
        "src/users.js",
        Infrastructure,
        Ignore,
    ),
    ("UnauthorizedError", "jwt expired", "src/auth.js", UserError, Ignore),
    ("Error", "write EPIPE", "src/app.js", Infrastructure, Ignore),
    ("java.util.concurrent.TimeoutException", "null", "src/main/java/shop/Api.java", Infrastructure, Ignore),
    (
        "io.lettuce.core.RedisConnectionException",
        "Unable to connect to localhost:6379",
        "src/main/java/shop/Db.java",
        Infrastructure,
        Ignore,
    ),
    (
        "java.sql.SQLSyntaxErrorException",
        "Table 'shop.orders' doesn't exist",
        "src/main/java/shop/Db.java",
        Config,
        Human,
    ),
    ("java.util.ConcurrentModificationException", "null", "src/main/java/shop/Cart.java", CodeBug, Human),
    ("java.net.BindException", "Address already in use", "src/main/java/shop/App.java", Config, Human),
    ("panic", "assignment to entry in nil map", "cart/cart.go", CodeBug, Human),
    ("fatal error", "all goroutines are asleep - deadlock!", "cart/cart.go", CodeBug, Human),
    (
        "panic",
        "called `Result::unwrap()` on an `Err` value: ParseIntError { kind: InvalidDigit }",
        "src/cart.rs",
        CodeBug,
        Human,
    ),
    (
        "panic",
        "called `Result::unwrap()` on an `Err` value: Os { code: 2, kind: NotFound, message: \"No such file or directory\" }",
        "src/main.rs",
        Config,
        Human,
    ),
    (
        "panic",
        "called `Result::unwrap()` on an `Err` value: Os { code: 111, kind: ConnectionRefused, message: \"Connection refused\" }",
        "src/db.rs",
        Infrastructure,
        Ignore,
    ),
    ("panic", "already borrowed: BorrowMutError", "src/cart.rs", CodeBug, Human),
];

/// Error lines without a stack, expected category, expected route.
const LINES: &[(&str, Category, Route)] = &[
    ("ERROR payment gateway: Connection refused", Infrastructure, Ignore),
    ("ERROR write failed: No space left on device", Resource, Human),
    ("ERROR worker was killed: out of memory", Resource, Human),
    ("ERROR upstream: 503 Service Unavailable", Infrastructure, Ignore),
    ("ERROR django.db.utils.IntegrityError while saving", Data, Human),
    ("ERROR login: access denied for user shop", Config, Human),
    ("ERROR GET /files?name=../../../etc/passwd failed", Security, Human),
    ("ERROR something odd", Unknown, Human),
    ("ERROR KeyError: 'ann'", Unknown, Human),
];

#[test]
fn realistic_errors_are_told_apart() {
    assert!(PYTHON.len() + OTHERS.len() + LINES.len() >= 140);
    for (exception, message, category, route) in PYTHON {
        let frame = frame("app/orders.py", "place", "handle(request)");
        let sample = sample(exception, message, Some(&frame));
        let found = Rules.classify(&facts(&sample, Some(&frame)));
        assert_eq!(
            (found.category, found.route),
            (*category, *route),
            "{exception}: {message}: {}",
            found.reason
        );
    }
    for (exception, message, file, category, route) in OTHERS {
        let frame = frame(file, "handle", "");
        let sample = sample(exception, message, Some(&frame));
        let found = Rules.classify(&facts(&sample, Some(&frame)));
        assert_eq!(
            (found.category, found.route),
            (*category, *route),
            "{exception}: {message}: {}",
            found.reason
        );
    }
    for (text, category, route) in LINES {
        let sample = Sample { text: (*text).into(), ..Sample::default() };
        let found = Rules.classify(&facts(&sample, None));
        assert_eq!((found.category, found.route), (*category, *route), "{text}: {}", found.reason);
    }
}
