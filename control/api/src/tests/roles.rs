//! Who may use which route: the table of docs/CONTROL.md, and the whole matrix.

use super::*;
use crate::router::router;
use crate::routes::ROUTES;

/// What control is asked, or the status.
async fn outcome(router: &Router, actor: &Actor, route: &Route, token: &str) -> u16 {
    ask(router, actor, http(route, Some(token))).await.0
}

async fn log_in(router: &Router, actor: &Actor) -> String {
    let login =
        ROUTES.iter().find(|route| (route.method, route.path) == (Method::Post, "/v1/logins"));
    let (status, reply) = ask(router, actor, http(login.unwrap(), None)).await;
    assert_eq!(status, 200, "{reply}");
    reply["token"].as_str().unwrap().to_owned()
}

#[test]
fn each_role_may_do_what_its_routes_say_and_nothing_else() {
    run(async {
        let router = router(desk(control));
        for route in ROUTES {
            for role in Role::ALL {
                // Anew each time: one of the routes logs out.
                let token = log_in(&router, &actor(1000, &[Role::Admin])).await;
                let got = outcome(&router, &actor(1000, &[role]), route, &token).await;
                let may = route.roles.meet(Roles::of(&[role]));
                let expected = if may { 200 } else { 403 };
                assert_eq!(got, expected, "{} {} {}", role.name(), route.method.word(), route.path);
            }
            assert_eq!(outcome(&router, &actor(1000, &[]), route, "").await, 403);
        }
    });
}

/// The matrix, written out: a route that is opened by mistake is seen here.
#[test]
fn the_matrix_is_this() {
    let letters = |route: &Route| -> String {
        let letter =
            |role: Role| if route.roles.meet(Roles::of(&[role])) { role.name() } else { "-" };
        Role::ALL.map(|role| letter(role)[..1].to_owned()).concat().replacen("aoaa", "****", 1)
    };
    let lines: Vec<String> = ROUTES
        .iter()
        .map(|route| format!("{} {:6} {}", letters(route), route.method.word(), route.path))
        .collect();
    assert_eq!(lines.join("\n"), include_str!("roles.txt").trim_end());
}

#[test]
fn a_login_acts_only_by_its_token_shown_by_its_own_user() {
    run(async {
        let router = router(desk(control));
        let anna = actor(1000, &[Role::Admin]);
        let token = log_in(&router, &anna).await;
        for route in ROUTES.iter().filter(|route| route.login) {
            let other = actor(1001, &[Role::Admin]);
            let wrong = "0".repeat(64);
            for (who, shown) in
                [(&anna, None), (&anna, Some("")), (&anna, Some(&*wrong)), (&other, Some(&*token))]
            {
                let (status, fault) = ask(&router, who, http(route, shown)).await;
                assert_eq!((status, &fault["code"]), (401, &"not-logged-in".into()), "{route:?}");
            }
        }
    });
}

#[test]
fn control_is_told_which_login_acts_and_a_logout_ends_its_token() {
    run(async {
        let router = router(desk(control));
        let anna = actor(1000, &[Role::Operator]);
        let token = log_in(&router, &anna).await;
        let find = |method, path| {
            ROUTES.iter().find(|route| (route.method, route.path) == (method, path)).unwrap()
        };
        let logout = find(Method::Delete, "/v1/login");
        let (_, done) =
            ask(&router, &anna, http(find(Method::Post, "/v1/grants"), Some(&token))).await;
        assert!(done["done"].as_str().unwrap().contains("login: 3"), "{done}");
        assert_eq!(outcome(&router, &anna, logout, &token).await, 200);
        assert_eq!(outcome(&router, &anna, logout, &token).await, 401);
    });
}

#[test]
fn a_step_up_gives_no_second_token() {
    run(async {
        let router = router(desk(control));
        let anna = actor(1000, &[Role::Operator]);
        let token = log_in(&router, &anna).await;
        let proof = ROUTES.iter().find(|route| route.path == "/v1/login/proof").unwrap();
        let (status, reply) = ask(&router, &anna, http(proof, Some(&token))).await;
        assert_eq!((status, &reply["id"]), (200, &3.into()));
        assert!(reply.get("token").is_none(), "{reply}");
    });
}
